"""Settings that all tests share."""

from pathlib import Path

from hypothesis import settings

import sparsereg

# The time of one example says nothing on a shared machine.
settings.register_profile("sparsereg", deadline=None, max_examples=50)
settings.load_profile("sparsereg")


def pytest_report_header():
    """Say which copy is tested: the installed one, unless something put the checkout first on Python's path."""
    return f"sparsereg {sparsereg.__version__} from {Path(sparsereg.__file__).parent}"
