"""What a meta-test leaves behind: a summary, a value for each episode, and a table to read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from metassl.evaluation.intervals import Interval, shown
from metassl.evaluation.meta_test import Columns
from metassl.files import write_atomically, write_json
from metassl.outcomes.base import Outcome, Score
from metassl.runs.file_names import EPISODES, RESULTS

DEPRIVED_ROW = "this learner, deprived of them"
_USE = {
    "used": "share of U that counts, %",
    "accuracy": "labels of U that are right, %",
    "mse": "mean squared error of U's labels",
    "ndcg": "nDCG@k of U's labels, %",
    "auroc": "AUROC, own classes against distractors, %",
}


_FOUND = {
    "start_distance": "distance to the nearest start",
    "start_far": "tasks out of reach of every start, %",
    "task_distance": "distance to the nearest stored task",
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


def results_text(results: Mapping[str, Any], outcome: Outcome, folder: Path) -> str:
    """The answer to "what are my unlabelled examples worth?", as a table of text."""
    score = outcome.score
    twin, gain = (None if results[key] is None else _interval(results[key]) for key in ("twin", "gain"))
    lines = worth_rows(score, _interval(results[score.name]), twin, gain)
    lines += _unbalanced_rows(results, score)
    controls = {DEPRIVED_ROW: "deprived", "without meta-training": "untrained"}
    lines += [(text, shown(score, _interval(results[key]))) for text, key in controls.items() if results[key]]
    lines += _below_untrained(results, score)
    lines += [(other.title, shown(other, _interval(results[other.name]))) for other in outcome.scores[1:]]
    lines += [(_USE[name], _used(name, value, score)) for name, value in results["unlabelled_use"].items()]
    lines += [_found(name, value) for name, value in results["findings"].items()]
    lines.append(guess_row(score, _interval(results["constant"])))
    width = max(len(text) for text, _ in lines)
    body = [f"  {text:<{width}}  {value}" for text, value in lines]
    unit = " in %" if score.percent else ""
    head = [_protocol_line(results), f"  {score.title}{unit}, mean ± 95% CI"]
    return "\n".join(["", *head, *body, f"  written to {folder}", ""])


def worth_rows(
    score: Score, found: Interval, twin: Interval | None, gain: Interval | None
) -> list[tuple[str, str]]:
    """What was reached with U, what the twin reached, and the gain; the first alone without a twin."""
    if twin is None or gain is None:
        return [(score.title, shown(score, found))]
    less = "" if score.higher else ", less error is +"
    return [
        ("with unlabelled examples", shown(score, found)),
        ("their twin: trained without them", shown(score, twin)),
        (f"what they are worth (paired{less})", _judged(score, gain)),
    ]


def _unbalanced_rows(results: Mapping[str, Any], score: Score) -> list[tuple[str, str]]:
    """The gain where U is unbalanced, if that was tested against a twin."""
    found = results["unbalanced"]
    if found is None or found["gain"] is None:
        return []
    gain = _interval(found["gain"])
    return [(f"the same where U is unbalanced, {found['imbalance']:g} to 1", _judged(score, gain))]


def _below_untrained(results: Mapping[str, Any], score: Score) -> list[tuple[str, str]]:
    """Says so where the training has taken something from the network that it began with."""
    found = _interval(results["over_untrained"])
    return [("BELOW ITS UNTRAINED SELF (paired)", _judged(score, found))] if found.mean < 0 else []


def _judged(score: Score, gain: Interval) -> str:
    verdict = "CI excludes 0" if gain.excludes_zero else "CI includes 0"
    return f"{shown(score, gain, True)}  ({verdict})"


def guess_row(score: Score, constant: Interval) -> tuple[str, str]:
    """What a guess that knows no input scores."""
    return "a guess that knows no input", shown(score, constant).split(" ±")[0]


def _used(name: str, value: float, score: Score) -> str:
    return f"{value:.3g}" if name == score.name and not score.percent else f"{100 * value:.1f}"


def _found(name: str, value: float) -> tuple[str, str]:
    text = _FOUND.get(name, name)
    return text, f"{100 * value:.1f}" if text.endswith("%") else f"{value:.3g}"


def _protocol_line(results: Mapping[str, Any]) -> str:
    mode = "transductive" if results["transductive"] else "inductive"
    mode = "AN ORACLE THAT READS THE QUERY LABELS" if results["reads_queries"] else mode
    return f"meta-test, {results['make_up']}, {results['episodes']} episodes, {mode} (norm={results['norm']})"


def _interval(plain: Mapping[str, float]) -> Interval:
    return Interval(plain["mean"], plain["ci95"], 0)
