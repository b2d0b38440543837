"""The map of pairs: gains over the twin, for balanced and unbalanced U, marked where they hold together."""

from pathlib import Path

from metassl.reports.sweeps.pair_map import write_pair_map
from tests.support.job_folders import write_job


def unbalanced(level: float, gain: float) -> dict[str, object]:
    return {
        "imbalance": 10,
        "accuracy": {"mean": level, "ci95": 0.01},
        "gain": {"mean": gain, "ci95": 0.01},
    }


def test_what_holds_is_bold_in_both_maps(tmp_path: Path) -> None:
    for seed, jitter in enumerate((0.0, 0.0001, -0.0001)):
        name = str(3 * seed)
        write_job(tmp_path / name, "maml", "none", seed)
        sure = unbalanced(0.5, -0.04 + jitter)
        write_job(tmp_path / f"{name}1", "maml", "sinkhorn", seed, gain=0.05 + jitter, unbalanced=sure)
        spread = unbalanced(0.6, 0.01 + 300 * jitter)
        write_job(tmp_path / f"{name}2", "maml", "vat", seed, gain=0.02 + 300 * jitter, unbalanced=spread)
    text = write_pair_map(tmp_path)[0].read_text()
    balanced, other = text.split("## Unbalanced U")
    assert "4 gains are compared with 0" in balanced
    assert "**+5.0 ± 0.0**" in balanced
    assert "<br>+2.0 ±" in balanced  # not bold
    assert "50.0<br>**-4.0 ± 0.0**" in other
    assert "60.0<br>+1.0 ±" in other
    assert "10 images of its largest class" in other


def test_one_seed_marks_nothing(tmp_path: Path) -> None:
    write_job(tmp_path / "0", "maml", "sinkhorn", 0, gain=0.05, unbalanced=unbalanced(0.5, 0.04))
    text = write_pair_map(tmp_path)[0].read_text()
    assert "<br>+5.0 ± 0.4 †" in text
    assert "50.0<br>+4.0 ± 1.0 †" in text
    assert "**" not in text
