"""The examples in the library's docstrings run, and print what they say."""

import doctest
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import metassl
from metassl import library

MODULES = [
    "metassl.library",
    *(module.name for module in walk_packages(library.__path__, "metassl.library.")),
]
PUBLIC = (
    "LabelledFolds", "MetaClassifier", "dataset", "episodes", "episodes_of", "evaluate", "fit", "learner",
    "predict", "task",
)  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No example leaves a file where it was run."""
    monkeypatch.chdir(tmp_path)
    failures, _ = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert failures == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_every_function_has_an_example(name: str) -> None:
    function = getattr(metassl, name)
    assert any(test.examples for test in doctest.DocTestFinder(recurse=False).find(function))
