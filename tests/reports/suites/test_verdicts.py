"""Verdicts and reports on results that were made up."""

import re
from base64 import b64decode
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from metassl.experiments.suites.suite import Suite
from metassl.experiments.suites.suite_file import read_suite
from metassl.files import write_json
from metassl.reports.suites.report import write_suite_report
from metassl.reports.suites.verdicts import verdict
from tests.support.suite_files import CURVE, TEXT, cell, write

STATED = {"accuracy": 95.0, "read": True, "tolerance": 0.5, "source": "A paper, table 9"}


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([95.1, 95.6], "reproduced"), ([94.5], "reproduced"), ([94.0, 94.9], "below"), ([95.51], "above"),
        ([94.49], "below"),
    ],
)  # fmt: skip
def test_words(values: list[float], word: str) -> None:
    found = verdict({**STATED, "tolerance": 0.5000001}, dict(enumerate(map(cell, values))))
    assert found.word == word


def test_statistics() -> None:
    values = [94.1, 94.9, 95.6]
    found = verdict(STATED, dict(enumerate(map(cell, values))))
    assert found.mean == pytest.approx(np.mean(values))
    assert found.difference == pytest.approx(np.mean(values) - 95)
    assert found.spread == pytest.approx(np.std(values, ddof=1))
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert found.half_width == pytest.approx((high - low) / 2)
    assert found.ci == pytest.approx(0.4)
    alone = verdict(STATED, {3: cell(95)})
    assert isnan(alone.spread)
    assert isnan(alone.half_width)
    assert alone.seeds == (3,)


def test_no_verdict_without_a_comparable_value() -> None:
    assert verdict(STATED, {}).word == "not run"
    assert verdict({**STATED, "accuracy": None}, {0: cell(50)}).word == "no published value"
    assert verdict({**STATED, "budget": "a tenth of the steps"}, {0: cell(95)}).word.startswith(
        "not comparable"
    )


def test_reduced_data_never_stand_beside_a_published_value() -> None:
    found = verdict(STATED, {0: {**cell(95), "reduced": True}})
    assert (found.published, found.difference, found.word) == (None, None, "reduced data")


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    suite = read_suite(write(tmp_path, TEXT), "mine")
    for seed, value in ((0, 94.9), (7, 95.3)):
        cells = {"plain": cell(value), "more": cell(97)}
        write_json(tmp_path / f"one-{seed}.json", {"table": "", "row": "one", "seed": seed, "cells": cells})
    return suite


def published() -> dict[str, dict]:
    return {"a/x": STATED, "a/y": {**STATED, "read": False}, "a/z": {**STATED, "accuracy": None}}


def test_the_report_has_every_cell(suite: Suite, tmp_path: Path) -> None:
    text, paths = write_suite_report(suite, published(), tmp_path)
    lines = [line for line in text.splitlines() if line.startswith(("| one", "| two"))]
    assert lines[0] == "| one | plain | 95.00 | 95.10 ± 0.28 | ± 0.40 | +0.10 ± 2.54 | 2 | reproduced |"
    assert lines[1] == "| one | more | – | 97.00 ± 0.00 | ± 0.40 | – | 2 | no published value |"
    assert lines[2] == "| two | plain | – | – | – | – | 0 | not run |"  # its words make it another test
    assert "A paper, table 9" in text
    assert "commits: abcdef1" in text
    assert [path.name for path in paths] == ["report.md", "report.html", "plot.png"]
    html = (tmp_path / "report.html").read_text()
    assert html.count("<td") == 8 * len(lines)
    inside = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    assert inside is not None
    assert b64decode(inside[1]) == (tmp_path / "plot.png").read_bytes()
    assert '<span class="good">reproduced</span>' in html
    assert "metassl benchmark suite=mine.yaml rows=[two]" in html


def test_a_row_that_is_trained_otherwise_stands_beside_nothing_published(
    suite: Suite, tmp_path: Path
) -> None:
    text, _ = write_suite_report(suite, published(), tmp_path)
    assert "| one | plain | 95.00 | 95.10 ± 0.28 |" in text
    changed = TEXT.replace("one: {experiments: a/x}", "one: {experiments: a/x, train: [trainer.steps=9]}")
    text, _ = write_suite_report(read_suite(write(tmp_path, changed), "mine"), published(), tmp_path)
    assert "95.10 ± 0.28" in text
    assert "95.00" not in text


@pytest.mark.parametrize("seeds", [(0,), (0, 7)])
def test_the_mean_over_the_columns_comes_first(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    """Of seeds that have all columns; its spread is that of the means."""
    text = TEXT.replace("  - columns", "  - mean: of both\n    columns")
    suite = read_suite(write(tmp_path, text), "mine")
    for seed in seeds:
        cells = {"plain": cell(90 + seed), "more": cell(96 - 3 * seed)}
        write_json(tmp_path / f"one-{seed}.json", {"table": "", "row": "one", "seed": seed, "cells": cells})
    lonely = {"table": "", "row": "two", "seed": 0, "cells": {"plain": cell(80)}}
    write_json(tmp_path / "two-0.json", lonely)
    nothing = {name: {**STATED, "accuracy": None} for name in ("a/x", "a/y", "a/z")}
    report, _ = write_suite_report(suite, nothing, tmp_path)
    assert "|  | of both | plain | more |" in report
    one = next(line for line in report.splitlines() if line.startswith("| one"))
    assert one.split(" | ")[1] == ("93.00" if len(seeds) == 1 else "89.50 ± 4.95")  # 93 and 86
    assert "| two | – | 80.00 (test ± 0.40) | – |" in report


def test_the_report_says_when_data_are_reduced(suite: Suite, tmp_path: Path) -> None:
    text, _ = write_suite_report(suite, published(), tmp_path)
    assert "Reduced data" not in text
    cells = {"plain": {**cell(95), "reduced": True}}
    write_json(tmp_path / "two-0.json", {"table": "", "row": "two", "seed": 0, "cells": cells})
    text, _ = write_suite_report(suite, published(), tmp_path)
    assert text.index("**Reduced data**") < text.index("| one")


def test_a_value_from_memory_is_marked(suite: Suite, tmp_path: Path) -> None:
    text, _ = write_suite_report(suite, published(), tmp_path)
    assert "†" not in text
    text, _ = write_suite_report(suite, published() | {"a/x": {**STATED, "read": False}}, tmp_path)
    assert "| one | plain | 95.00† |" in text
    assert "† quoted from memory" in text


def test_a_curve_is_a_line_a_row(tmp_path: Path) -> None:
    curve = read_suite(write(tmp_path, CURVE), "mine")
    cells = {"0": cell(90), "2": cell(92.5)}
    write_json(tmp_path / "one-0.json", {"table": "", "row": "one", "seed": 0, "cells": cells})
    report, _ = write_suite_report(curve, published(), tmp_path)
    assert "| M | 0 | 2 |" in report
    assert "| one | 90.00 (test ± 0.40) | 92.50 (test ± 0.40) |" in report
    assert "Difference" not in report
    assert "| two | – | – |" in report


@pytest.mark.parametrize("known", [True, False])
def test_the_best_is_chosen_on_validation(tmp_path: Path, known: bool) -> None:
    """Row two is better on validation, row one on the test."""
    curve = read_suite(write(tmp_path, CURVE), "mine")
    for seed in range(3):
        for row, test, validation in (("one", 95, 0.7), ("two", 90 + seed / 100, 0.8)):
            found = cell(test) | {"validation": {"mean": validation, "ci95": 0.1}}
            if not known and row == "one":
                del found["validation"]
            content = {"table": "", "row": row, "seed": seed, "cells": {"0": found}}
            write_json(tmp_path / f"{row}-{seed}.json", content)
    report, _ = write_suite_report(curve, published(), tmp_path)
    assert ("| two | **90.01 ± 0.01** | – |" in report) == known
    assert (r"| one | 95.00 ± 0.00 \* | – |" in report) == known
    assert ("Nothing is bold" in report) != known
