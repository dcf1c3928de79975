"""Model files that the tests of several commands share."""

import pytest
from support.saved_models import write_files


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Return a folder with models and rows, and the models; tests leave what is in it as it is."""
    folder = tmp_path_factory.mktemp("served")
    return folder, write_files(folder)
