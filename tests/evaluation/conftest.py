"""A synthetic sweep, shared by the tests of what a report is made of."""

import json
from pathlib import Path

import pytest

from tests.evaluation.common import write_job


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Jobs 0 to 10: two models, two objectives, two seeds; one failed, one unfinished, one not started."""
    folder = tmp_path / "sweep"
    number = 0
    for model, level in (("maml", 0.6), ("protonet", 0.7)):
        for ssl, gain in (("none", None), ("consistency", 0.03)):
            for seed in (0, 1):
                write_job(folder / str(number), model, ssl, seed, level + (gain or 0), gain)
                number += 1
    (folder / "1" / "metrics.csv").unlink()
    failed = write_job(folder / "8", "anil", "none", 0)
    (failed / "status.json").write_text(json.dumps({"status": "failed", "error": "loss is nan | at step 3"}))
    (failed / "results.json").unlink()
    (write_job(folder / "9", "maml", "none", 2) / "results.json").unlink()
    (folder / "10").mkdir()
    (folder / "multirun.yaml").write_text("ignored: true\n")
    return folder
