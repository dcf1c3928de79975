"""Stubs of the compiled modules: complete, typed, installed beside them."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
from support.checkout import PACKAGE

import sparsereg

SOURCES = PACKAGE / "_core"
NAMES = sorted(path.stem for path in SOURCES.glob("*.pyx"))


def parse(name):
    return ast.parse((SOURCES / f"{name}.pyi").read_text(encoding="utf-8"))


def stubbed_functions(name):
    return {node.name: node for node in parse(name).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", NAMES)
def test_stub_and_module_have_the_same_functions_and_parameters(name):
    module = importlib.import_module(f"sparsereg._core.{name}")
    compiled = {
        key: list(inspect.signature(value).parameters)
        for key, value in vars(module).items()
        if not key.startswith("_") and callable(value) and not inspect.isclass(value)
    }
    assert {key: [a.arg for a in node.args.args] for key, node in stubbed_functions(name).items()} == compiled


@pytest.mark.parametrize("name", NAMES)
def test_stub_names_every_class_and_constant(name):
    module = importlib.import_module(f"sparsereg._core.{name}")
    public = {key for key, value in vars(module).items() if not key.startswith("_") and not inspect.ismodule(value)}
    stubbed = set()
    for node in parse(name).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            stubbed.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            stubbed.add(node.target.id)
    assert {key for key in stubbed if not key.startswith("_")} == public


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_and_result_has_a_type(name):
    for key, node in stubbed_functions(name).items():
        assert all(a.annotation is not None for a in node.args.args), key
        assert node.returns is not None, key


@pytest.mark.parametrize("name", NAMES)
def test_the_stub_is_installed(name):
    if Path(sparsereg.__file__).resolve().parent == SOURCES.parent:
        pytest.skip("an editable installation reads the checkout")
    installed = Path(sparsereg.__file__).parent / "_core" / f"{name}.pyi"
    assert installed.read_text(encoding="utf-8") == (SOURCES / f"{name}.pyi").read_text(encoding="utf-8")
