"""A suite from its command to its report, on the tiny data set."""

import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from metassl.cli.benchmark import run_suite
from metassl.errors import UserError
from tests.conftest import TINY
from tests.support.console import metassl

SUITE = """
title: Tiny
seeds: [0]
tables:
  - columns: {M = 2: [], M = 3: [episode.test.unlabelled=3]}
    rows:
      none: {experiments: ren2018_omniglot/supervised}
      inference: {experiments: ren2018_omniglot/inference, weights: ren2018_omniglot/supervised}
  - columns: {as trained: [], too many: [episode.test.queries=50]}  # than a class has images
    rows:
      none: {experiments: ren2018_omniglot/supervised}
"""


@dataclass(frozen=True)
class RunSuite:
    """A suite that was run once: where, with which exit code, and what it said."""

    root: Path
    code: int
    said: str


@pytest.fixture(scope="module")
def run_once(tiny_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> RunSuite:
    root = tmp_path_factory.mktemp("suite")
    (root / "tiny.yaml").write_text(SUITE)
    with redirect_stdout(StringIO()) as said:
        code = run_suite(words(tiny_npz, root))
    return RunSuite(root, code, said.getvalue())


def words(npz: Path, root: Path, *more: str) -> list[str]:
    return [
        f"suite={root / 'tiny.yaml'}", f"out={root / 'out'}", "jobs=1", "dataset=arrays", f"dataset.source.path={npz}",
        f"paths.cache_dir={root / 'cache'}", "backbone.filters=4", "backbone.norm=group", "backbone.init_std=null", "episode.label_ratio=0.5",
        "episode.unlabelled=2", "episode.queries=3", "episode.test.queries=5",
        *(word for word in TINY if word != "trainer.progress=false"), *more,
    ]  # fmt: skip


def test_a_cell_that_fails_leaves_the_others(run_once: RunSuite) -> None:
    assert run_once.code == 1
    assert run_once.said.count("failed: ") == 1
    assert "| none | M = 2 | 94.62 |" in run_once.said
    assert "| none | too many | – | – |" in run_once.said  # nothing is published of a test with other words


def test_a_suite_is_run_once_and_goes_on(
    run_once: RunSuite, tiny_npz: Path, capsys: pytest.CaptureFixture
) -> None:
    root, said = run_once.root, run_once.said
    assert "1 runs, 0 done already" in said  # one training for both rows
    assert "4 runs, 0 done already" in said  # and the tests that it doesn't end with
    kept = root / "out" / "results" / "tiny"
    none, inference = (
        json.loads((kept / f"{row}-0.json").read_text())["cells"] for row in ("none", "inference")
    )
    trained = root / "out" / "ren2018_omniglot" / "supervised-0"
    assert none["M = 2"]["accuracy"] == json.loads((trained / "results.json").read_text())["accuracy"]
    assert none["M = 3"]["accuracy"] == none["M = 2"]["accuracy"]  # S and Q are the same, U is not used
    assert inference["M = 2"]["accuracy"] != none["M = 2"]["accuracy"]
    assert (inference["M = 2"]["unlabelled"], inference["M = 3"]["unlabelled"]) == (2, 3)
    assert inference["M = 2"]["twin"] == none["M = 2"]["accuracy"]  # the same weights
    for key in ("steps", "norm", "hardware", "packages", "commit", "training_seconds", "label_ratio"):
        assert key in inference["M = 3"]
    assert (kept / "report.md").read_text() in said

    before = (trained / "results.json").stat().st_mtime_ns
    test = next((trained / "tests").glob("*inference*3/results.json"))
    test.unlink()  # as if it had been killed before its end
    (kept / "inference-0.json").unlink()
    assert run_suite(words(tiny_npz, root)) == 1
    said = capsys.readouterr().out
    assert "1 runs, 1 done already" in said
    assert "4 runs, 2 done already" in said
    assert (trained / "results.json").stat().st_mtime_ns == before
    again = json.loads((kept / "inference-0.json").read_text())["cells"]
    assert again["M = 3"]["accuracy"] == inference["M = 3"]["accuracy"]

    with pytest.raises(UserError, match="holds a run with the options"):
        run_suite(words(tiny_npz, root, "backbone.filters=8"))


@pytest.mark.usefixtures("real_data")
def test_the_command_runs_on_real_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["suite=ren2018_omniglot", "rows=[supervised]", "seeds=[0]", "steps=40", f"out={tmp_path}",
            "evaluation.episodes=60", "evaluation.val_episodes=20"]  # fmt: skip
    assert metassl("benchmark", *line) == 0
    assert "| supervised | no distractors | 94.62 |" in capsys.readouterr().out
    cell = json.loads((tmp_path / "results/ren2018_omniglot/supervised-0.json").read_text())["cells"]
    assert cell["no distractors"]["accuracy"]["mean"] > 0.4  # chance is 0.2
    assert cell["no distractors"]["steps"] == 40
