"""What defaults lose against values that a search finds, for nine pairs.

    python -m benchmarks.defaults outputs/defaults

Each pair has the same budget: 16 trials of 160 steps, judged on 100 validation tasks every 40 steps, then
choice and defaults over three fresh seeds. The same command goes on where it was. Writes defaults.md and
defaults.json into the folder, also while pairs are left; with `--table` it writes them without searching.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from metassl.cli.main import run
from metassl.evaluation.intervals import Interval
from metassl.files import write_atomically
from metassl.search.record import read_record_file
from metassl.search.report.facts import SearchFacts, read_facts
from metassl.search.study import find_study

PAIRS = (
    ("protonet", "soft_kmeans"), ("r2d2", "label_propagation"), ("simple_cnaps", "gmm"),
    ("matching", "soft_kmeans_cluster"), ("feat", "alpha_tim"), ("metaoptnet", "sinkhorn"),
    ("anil", "pseudo_label"), ("maml", "consistency"), ("proto_maml", "fixmatch"),
)  # fmt: skip
BUDGET = (
    "trials=16", "trainer.val_every=40", "evaluation.val_episodes=100", "evaluation.imbalance=1",
    "evaluation.train_twin=false",
)  # fmt: skip
HEAD = "| model | objective | on validation | on test | chosen |\n| --- | --- | --- | --- | --- |"


def main(words: list[str]) -> int:
    """Searches pair after pair and tells what is there; the exit code, that of a search which failed."""
    folders = [word for word in words if word != "--table"]
    if len(folders) != 1:
        print("usage: python -m benchmarks.defaults FOLDER [--table]", file=sys.stderr)
        return 2
    out, rows = Path(folders[0]), []
    for model, ssl in PAIRS:
        folder = out / f"{model}-{ssl}"
        if "--table" not in words:
            code = run(["search", f"model={model}", f"ssl={ssl}", f"out={folder}", *BUDGET])
            if code:
                return code
        facts = _facts(folder)
        if facts is not None:
            rows.append(_row(model, ssl, facts))
        _write(out, rows)
    return 0


def _facts(folder: Path) -> SearchFacts | None:
    """What a search says; None for one that has not compared its choice with the defaults yet."""
    if not (folder / "report.md").is_file():
        return None
    record = read_record_file(folder)
    found = read_facts(folder, find_study(record.place(folder), record.study)[0], record)
    compared = found.comparison
    return found if compared is not None and compared.difference is not None else None


def _row(model: str, ssl: str, facts: SearchFacts) -> dict[str, Any]:
    compared = facts.comparison
    assert compared is not None
    assert compared.difference is not None
    return {
        "model": model, "ssl": ssl, "chosen": dict(facts.chosen),
        "on_validation": _plain(compared.on_validation), "on_test": _plain(compared.difference.interval),
    }  # fmt: skip


def _plain(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else {"mean": interval.mean, "half_width": interval.half_width}


def _write(out: Path, rows: list[dict[str, Any]]) -> None:
    text = "\n".join([HEAD, *map(_line, rows)]) + "\n"
    write_atomically(out / "defaults.md", partial(Path.write_text, data=text, encoding="utf-8"))
    content = json.dumps(rows, indent=1) + "\n"
    write_atomically(out / "defaults.json", partial(Path.write_text, data=content, encoding="utf-8"))


def _line(row: dict[str, Any]) -> str:
    gains = [_shown(row[key]) for key in ("on_validation", "on_test")]
    values = ", ".join(f"`{key}={float(value):.3g}`" for key, value in row["chosen"].items())
    return f"| `{row['model']}` | `{row['ssl']}` | {gains[0]} | {gains[1]} | {values} |"


def _shown(gain: dict[str, float] | None) -> str:
    if gain is None:
        return "–"
    text = f"{100 * gain['mean']:+.1f} ± {100 * gain['half_width']:.1f}"
    return f"**{text}**" if abs(gain["mean"]) > gain["half_width"] else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
