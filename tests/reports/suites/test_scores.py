"""Suites take unit and direction from the score of their results; old results have accuracies."""

from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from omegaconf import OmegaConf

from metassl.errors import DataError
from metassl.experiments.suites.suite_file import read_suite
from metassl.files import write_json
from metassl.reports.suites.report import write_suite_report
from tests.conftest import ROOT
from tests.support.composing import composed
from tests.support.suite_files import CURVE, TEXT, cell, error_cell, write


def test_a_suite_of_errors_is_in_their_unit_and_the_least_is_best(tmp_path: Path) -> None:
    curve = read_suite(write(tmp_path, CURVE), "mine")
    for row, errors in (("one", (0.5, 0.25)), ("two", (0.125, 0.75))):
        made = {"score": "mse", "split": "val", "make_up": "10 labelled points", "training_seconds": 60.0}
        cells = {column: error_cell(error) | made for column, error in zip("02", errors, strict=True)}
        for cell_of_points in cells.values():
            del cell_of_points["way"], cell_of_points["accuracy"]
        write_json(tmp_path / f"{row}-0.json", {"table": "", "row": row, "seed": 0, "cells": cells})
    report, _ = write_suite_report(curve, {"a/x": {}, "a/y": {}, "a/z": {}}, tmp_path)
    assert "Mean squared error. Ours:" in report
    assert "| one | 0.500 (test ± 0.004) | **0.250 (test ± 0.004)** |" in report
    assert "| two | **0.125 (test ± 0.004)** | 0.750 (test ± 0.004) |" in report
    assert "Bold: the best of its column on validation" in report
    assert "tasks of: 10 labelled points" in report
    assert "way:" not in report


def test_published_errors_stand_beside_ours(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path, TEXT), "mine")
    cells = {"plain": error_cell(0.29), "more": error_cell(0.2)}
    write_json(tmp_path / "one-0.json", {"table": "", "row": "one", "seed": 0, "cells": cells})
    stated = {"mse": 0.25, "tolerance": 0.05, "source": "A paper, table 9"}
    report, _ = write_suite_report(suite, {"a/x": stated, "a/y": {}, "a/z": {}}, tmp_path)
    assert "| one | plain | 0.250 | 0.290 | ± 0.004 | +0.040 | 1 | reproduced |" in report
    assert "Published: A paper, table 9" in report


def test_a_suite_has_one_score(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path, TEXT), "mine")
    for row, found in (("one", cell(95)), ("two", error_cell(0.3))):
        content = {"table": "", "row": row, "seed": 0, "cells": {"plain": found}}
        write_json(tmp_path / f"{row}-0.json", content)
    with pytest.raises(
        DataError, match="found results by accuracy and by mse, a suite has one score"
    ) as caught:
        write_suite_report(suite, {"a/x": {}, "a/y": {}, "a/z": {}}, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["omniglot_supervised", "unlabelled_curve"])
def test_a_stored_report_is_made_again_from_its_records(name: str, tmp_path: Path) -> None:
    """Results of before there were other outcomes read as ever."""
    stored = ROOT / "benchmarks" / "results" / name
    for path in stored.glob("*.json"):
        copy(path, tmp_path / path.name)
    suite = read_suite(ROOT / "benchmarks" / "suites", name)
    blocks = published_blocks({entry.experiment for entry in suite.entries})
    write_suite_report(suite, blocks, tmp_path)
    assert (tmp_path / "report.md").read_text() == (stored / "report.md").read_text()


def published_blocks(experiments: set[str]) -> dict[str, Any]:
    configs = {name: composed(f"experiment={name}") for name in experiments}
    return {name: OmegaConf.to_container(config.published) for name, config in configs.items()}
