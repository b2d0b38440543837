"""What a sweep says when one of its runs has ended."""

from pathlib import Path

import pytest

from metassl.experiments.planned_runs import PlannedRun
from metassl.experiments.progress import Progress
from metassl.files import write_json


@pytest.mark.parametrize(
    ("results", "value", "said"),
    [
        ({"accuracy": {"mean": 0.873}}, 0.873, "87.3 %"),  # of before there were other scores
        ({"score": "accuracy"}, 0.873, "87.3 %"),
        ({"score": "ndcg"}, 0.5, "50.0 %"),
        ({"score": "mse"}, 0.21449, "mse 0.214"),
        ({"score": "mse"}, 12345.0, "mse 1.23e+04"),
    ],
)
def test_a_score_is_said_as_people_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], results: dict, value: float, said: str
) -> None:
    runs = [PlannedRun("one", ()), PlannedRun("two", ())]
    (tmp_path / "one").mkdir()
    write_json(tmp_path / "one" / "results.json", results)
    progress = Progress(runs, tmp_path)
    progress.ended(runs[0], value)
    assert capsys.readouterr().out.startswith(f"[1/2] one: {said}, about ")
    progress.ended(runs[1], None)
    assert capsys.readouterr().out == "[2/2] two: FAILED\n"
