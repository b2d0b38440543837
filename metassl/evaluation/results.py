"""What a meta-test leaves behind: a summary, a value for each episode, and a table to read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from metassl.evaluation.intervals import Interval
from metassl.evaluation.meta_test import Columns
from metassl.files import write_atomically, write_json
from metassl.runs.file_names import EPISODES, RESULTS

_USE = {
    "used": "share of U that counts",
    "accuracy": "labels of U that are right",
    "auroc": "AUROC, own classes against distractors",
}


def write_results(folder: Path, results: dict[str, Any], columns: Columns) -> None:
    """Writes results.json and episodes.parquet; a column that covers fewer episodes ends in nulls.

    Args:
        folder: of the run.
        results: the summary.
        columns: name -> the values of the first test episodes.
    """
    count = results["episodes"]
    filled = {
        name: pa.array(list(v) + [None] * (count - len(v)), pa.float64()) for name, v in columns.items()
    }
    frame = pa.table({"episode": pa.array(range(count)), **filled})
    write_atomically(folder / EPISODES, lambda path: pq.write_table(frame, path))
    write_json(folder / RESULTS, results)


def results_text(results: Mapping[str, Any], folder: Path) -> str:
    """The answer to "what are my unlabelled examples worth?", as a table of text."""
    rows = [("with unlabelled images", "accuracy"), ("the same without them", "without_unlabelled")]
    if results["without_unlabelled"] is None:
        rows = [("accuracy", "accuracy")]
    lines = [(text, _interval(results[key]).percent()) for text, key in rows]
    if results["gain"] is not None:
        gain = _interval(results["gain"])
        verdict = "CI excludes 0" if gain.excludes_zero else "CI includes 0"
        lines.append(("what they are worth (paired)", f"{gain.percent(signed=True)}  ({verdict})"))
    lines.append(("without meta-training", _interval(results["untrained"]).percent()))
    lines += [(_USE[name], f"{100 * value:.1f}") for name, value in results["unlabelled_use"].items()]
    lines.append(("chance", f"{100 / _narrowest(results['way']):.1f}"))
    width = max(len(text) for text, _ in lines)
    body = [f"  {text:<{width}}  {value}" for text, value in lines]
    head = [_protocol_line(results), "  accuracy in %, mean ± 95% CI"]
    return "\n".join(["", *head, *body, f"  written to {folder}", ""])


def _protocol_line(results: Mapping[str, Any]) -> str:
    mode = "transductive" if results["transductive"] else "inductive"
    mode = "AN ORACLE THAT READS THE QUERY LABELS" if results["reads_queries"] else mode
    return (
        f"meta-test, {results['way']}-way {results['shot']}-shot, {results['unlabelled']} unlabelled and "
        f"{results['queries']} queries a class, {results['distractors']} distractor classes, "
        f"{results['episodes']} episodes, {mode} (norm={results['norm']})"
    )


def _narrowest(way: int | list[int]) -> int:
    return way if isinstance(way, int) else way[0]


def _interval(plain: Mapping[str, float]) -> Interval:
    return Interval(plain["mean"], plain["ci95"], 0)
