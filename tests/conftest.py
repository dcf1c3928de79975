"""Settings that all tests share."""

from pathlib import Path

from hypothesis import settings

import sparsereg

# The time of one example says nothing on a shared machine. The examples are the same in every run, so that a red suite
# means a change; `pytest --hypothesis-profile=explore` draws new ones.
settings.register_profile("sparsereg", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=200, derandomize=False)
settings.load_profile("sparsereg")


def pytest_report_header():
    """Say which copy is tested: the installed one, unless something put the checkout first; .ci/run reads this line."""
    return f"sparsereg {sparsereg.__version__} from {Path(sparsereg.__file__).parent}"
