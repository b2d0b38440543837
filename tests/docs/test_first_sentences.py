"""A docstring of the package's methods begins in plain English; equations and shapes follow."""

import ast

import pytest

from metassl.docs.sentences import first_sentence
from tests.conftest import ROOT

ROOMS = ("learners", "heads", "inner", "ssl", "norms")
SIGNS = set("=Σ‖←∇∝⟨")  # of an equation
PUBLIC = [
    pytest.param(node, id=f"{path.relative_to(ROOT)}:{node.name}")
    for room in ROOMS
    for path in sorted((ROOT / "metassl" / room).rglob("*.py"))
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
]


@pytest.mark.parametrize("node", PUBLIC)
def test_first_sentence_is_plain(node: ast.ClassDef | ast.FunctionDef) -> None:
    said = first_sentence(ast.get_docstring(node) or "")
    assert said.endswith(".")
    assert said[0].isalpha()
    assert not SIGNS & set(said), said
