"""The page of mechanisms: every method has a row, and what a row names is there."""

import re

import pytest

from metassl.experiments.suites.suite_file import read_suite
from tests.conftest import CONF, ROOT

PAGE = ROOT / "docs" / "mechanisms.md"
APART = {"ssl=none"}  # it has no mechanism
OPTIONS = sorted(
    f"{group}={path.stem}" for group in ("model", "ssl") for path in (CONF / group).glob("*.yaml")
)


def rows() -> list[list[str]]:
    """The cells of each row of the page's tables."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [cells for cells in lines if cells[0] != "method" and not set(cells[0]) <= set("- ")]


def named(pattern: str) -> set[str]:
    return {found for cells in rows() for found in re.findall(pattern, cells[-1])}


def test_every_method_has_a_row() -> None:
    with_row = {word for cells in rows() for word in re.findall(r"`((?:model|ssl)=\w+)", cells[0])}
    assert set(OPTIONS) - APART - with_row == set()
    assert with_row - set(OPTIONS) == set()  # and no row outlives its method


def test_every_row_says_from_what_to_what() -> None:
    for cells in rows():
        assert len(cells) == 5, cells
        assert re.search(r"\d", cells[3]), cells  # a stated amount
        assert cells[4], cells


@pytest.mark.parametrize("name", sorted(named(r"`(tests/[\w/.:]+)`")))
def test_a_named_test_is_there(name: str) -> None:
    file, _, test = name.partition("::")
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.M), name


def test_a_named_row_of_the_suite_is_there() -> None:
    suite = read_suite(ROOT / "benchmarks" / "suites", "mechanisms")
    assert named(r"row \*([^*]+)\*") == {row for table in suite.tables for row in table.rows}
