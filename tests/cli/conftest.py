"""Files that the tests of several commands share: those of the examples, and saved models with rows for them."""

import pytest
from support.example_files import write_example_files
from support.saved_models import write_files


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Return a folder with the files that examples work on, one for each module, which saves its models there too."""
    folder = tmp_path_factory.mktemp("examples")
    write_example_files(folder)
    return folder


@pytest.fixture
def here(examples, monkeypatch):
    """Work in the folder of the examples."""
    monkeypatch.chdir(examples)
    return examples


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Return a folder with models and rows, and the models; tests leave what is in it as it is."""
    folder = tmp_path_factory.mktemp("served")
    return folder, write_files(folder)


@pytest.fixture(scope="module")
def folder(served):
    return served[0]


@pytest.fixture(scope="module")
def models(served):
    return served[1]


@pytest.fixture
def among_models(folder, models, monkeypatch):
    """Work in the folder of the models."""
    monkeypatch.chdir(folder)
