"""What results say of a test beside the score: a network that lost, a make-up that was not as asked for."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from metassl.evaluation.results import results_text
from metassl.outcomes.classification import CLASSES
from metassl.training.run import train_and_test

ROW = "BELOW ITS UNTRAINED SELF"


def run(config, folder: Path) -> dict:
    train_and_test(config, folder, {}, [])
    return json.loads((folder / "results.json").read_text())


def test_a_network_that_ends_below_its_untrained_self_says_so(make_config, tmp_path: Path) -> None:
    few = "evaluation.baseline_episodes=3"
    results = run(make_config("model=protonet", "ssl=none", few), tmp_path / "run")
    table = parquet.read_table(tmp_path / "run" / "episodes.parquet")
    untrained = np.array(table["accuracy_untrained"].to_pylist()[:3], dtype=float)
    difference = (table["accuracy"].to_numpy()[:3] - untrained).mean()
    assert results["over_untrained"]["mean"] == pytest.approx(difference)
    for mean, said in ((-0.13, True), (0.13, False)):
        text = results_text(results | {"over_untrained": {"mean": mean, "ci95": 0.06}}, CLASSES, tmp_path)
        assert (ROW in text) == said
    assert "-13.0 ± 6.0" in results_text(
        results | {"over_untrained": {"mean": -0.13, "ci95": 0.06}}, CLASSES, tmp_path
    )


@pytest.mark.parametrize(("transductive", "reported"), [("true", 0), ("false", 2)])
def test_queries_as_u_have_no_distractors(
    make_config, tmp_path: Path, transductive: str, reported: int
) -> None:
    words = (
        "episode.distractors=2",
        "episode.distractor_unlabelled=1",
        "episode.way=3",
        "episode.unlabelled=2",
    )
    config = make_config("model=protonet", "ssl=soft_kmeans", *words, f"episode.transductive={transductive}")
    assert run(config, tmp_path / "run")["distractors"] == reported
