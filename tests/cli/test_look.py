"""The page of one run: what is on it agrees with the run's own test."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.cli.evaluate import run_config
from metassl.reports.look.gathered import gathered
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.support.browsing import browser, opens_everywhere
from tests.support.composing import composed
from tests.support.console import metassl

__all__ = ["browser"]


def finished(folder: Path, *words: str) -> Path:
    folder.mkdir()
    config = composed(*words, *TINY)
    config.paths.output_dir = str(folder)
    train_and_test(config, folder, {"model": "protonet", "ssl": "soft_kmeans"}, [])
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Letters, with distractors in U."""
    return finished(
        tmp_path_factory.mktemp("look") / "run", "model=protonet", "ssl=soft_kmeans",
        "backbone.depth=2", "episode.distractors=1", "episode.distractor_unlabelled=2",
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(run: Path) -> Path:
    assert metassl("look", f"run={run}", "tasks=3") == 0
    return run / "look.html"


def test_what_is_gathered_is_what_the_test_has_found(run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    tasks, asked = gathered(run_config(run, []), run, results["episodes"], 2, 1.0)
    assert asked.right.mean() == pytest.approx(results["accuracy"]["mean"])
    assert sum(asked.confused.values()) == (~asked.right).sum() == len(asked.worst)
    assert sum(asked.asked.values()) == len(asked.right)
    assert [each[3] for each in asked.worst] == sorted((each[3] for each in asked.worst), reverse=True)
    for task in tasks:
        assert len(set(task.names)) == 5
        assert task.support.p.argmax(1).tolist() == task.support.y.tolist()
        assert np.allclose(task.query.p.sum(1), 1, atol=1e-5)
        assert (task.unlabelled.y == -1).sum() == 2
        parts = (task.support, task.unlabelled, task.query)
        assert len(task.features) == sum(len(part.y) for part in parts)
    assert asked.scores.mean() == pytest.approx(results["accuracy"]["mean"])
    assert asked.deprived is not None
    assert asked.deprived[:2].mean() == pytest.approx(results["deprived"]["mean"])
    warm = gathered(run_config(run, []), run, 2, 0, 1e6)[1]
    assert np.allclose(warm.sure, 0.2, atol=1e-3)


def test_the_page_in_a_browser(browser: Any, page: Path) -> None:
    opens_everywhere(browser, page)


def test_the_page_has_all_of_it(page: Path) -> None:
    text = page.read_text()
    for heading in ("Test tasks", "What is taken for what", "Are probabilities what they say?", "Training"):
        assert f"<h2>{heading}</h2>" in text
    assert text.count("<h3>Task ") == 3
    assert "none of them" in text
    assert "No twin was trained without U." in text
    assert re.search(r"Unlabelled</strong>, \d+ of 25 taken for what they are", text)
    assert not re.search(r'(src|href)="(?!data:)', text), "nothing is read from elsewhere"


def test_rows_of_numbers_have_no_pictures_and_values_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = finished(tmp_path / "table", "dataset=prior", "model=starts", "start_distance=fit", "ssl=none")
    assert metassl("look", f"run={table}", "tasks=2", f"to={tmp_path / 'table.html'}") == 0
    assert capsys.readouterr().out.endswith("table.html\n")
    page = (tmp_path / "table.html").read_text()
    assert 'class="gallery"' not in page
    assert "<h3>Task 1: " in page
    assert "It makes nothing of unlabelled examples at test." in page
    assert "<h2>Distance to what is known</h2>" in page
    assert "<td>nearest</td>" in page
    curve = finished(tmp_path / "curve", "dataset=curves", "model=protonet", "ssl=none")
    capsys.readouterr()
    assert metassl("look", f"run={curve}") == 2
    assert "found tasks that ask for values, `metassl look` is for classes" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "line"), [
    (["run=nowhere"], "nowhere"),
    (["tasks=0"], "tasks: found 0, allowed is a whole number of at least 1"),
    (["to=page.pdf"], "to: found 'page.pdf', allowed is a name that ends in .html"),
])  # fmt: skip
def test_what_is_refused(run: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str) -> None:
    first = [] if words[0].startswith("run=") else [f"run={run}"]
    assert metassl("look", *first, *words) == 2
    assert line in capsys.readouterr().err
