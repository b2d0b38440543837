"""Writes the stored results into benchmarks/README.md, between its markers: python -m benchmarks.report."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.timing import RESULTS
from metassl.files import write_atomically

PAGE = Path(__file__).parent / "README.md"
Rows = Sequence[dict[str, Any]]


def maml_step(rows: Rows) -> list[list[str]]:
    """Tasks a second and ratios."""
    peers = [name for name in rows[0]["tasks_per_second"] if name != "metassl"]
    head = [
        "network",
        "images",
        "K",
        *peers,
        "metassl",
        "times the fastest peer",
        "least to most",
        "engine",
        "difference",
    ]
    lines = [head]
    for r in rows:
        rates, ratio = r["tasks_per_second"], r["ratio"]
        lines.append(
            [
                f"Conv4-{r['filters']}",
                f"{r['side']}×{r['side']}",
                str(r["steps"]),
                *(f"{rates[name]:.2f}" for name in (*peers, "metassl")),
                f"{ratio['median']:.2f}",
                f"{ratio['min']:.2f} to {ratio['max']:.2f}",
                r["engine"],
                f"{r['difference_float64']:.0e}, {r['difference_float32']:.0e}",
            ]
        )
    return lines


def episodes(rows: Rows) -> list[list[str]]:
    """Episodes a second."""
    lines = [["", "episodes a second", "metassl (without U) is", "least to most"]]
    for r in rows:
        ratio = r["ours_times"]
        span = f"{ratio['min']:.1f} to {ratio['max']:.1f}"
        lines.append(
            [r["name"], f"{r['episodes_per_second']:,.0f}", f"{ratio['median']:.1f} times as fast", span]
        )
    return lines


def meta_test(rows: Rows) -> list[list[str]]:
    """Episodes a second of a whole test."""
    lines = [
        [
            "ssl",
            "episodes",
            "metassl",
            "one by one",
            "easyfsl",
            "times easyfsl",
            "accuracies",
            "losses differ by",
        ]
    ]
    for r in rows:
        rates = [r[f"{k}episodes_per_second"] for k in ("", "direct_", "easyfsl_")]
        same = "equal" if r["accuracies_equal"] else "differ"
        cells = [
            r["ssl"],
            f"{r['episodes']:,}",
            *(f"{v:,.0f}" for v in rates),
            f"{r['times_easyfsl']:.0f}",
            same,
        ]
        lines.append([*cells, f"{r['largest_loss_difference']:.0e}"])
    return lines


def overhead(rows: Rows) -> list[list[str]]:
    """Milliseconds a step."""
    lines = [["", "ms a step"]] + [[r["name"], f"{r['ms_a_step']:.1f}"] for r in rows if "ms_a_step" in r]
    ratio = rows[-1]["ratio"]
    return [*lines, [rows[-1]["name"], f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"]]


def startup(rows: Rows) -> list[list[str]]:
    """Seconds."""
    head = ["", "seconds", "least to most"]
    return [head] + [[r["name"], f"{r['median']:.1f}", f"{r['min']:.1f} to {r['max']:.1f}"] for r in rows]


def scaling(rows: Rows) -> list[list[str]]:
    """A line for each learner, a column for each size."""
    lines = [["axis", "learner", "sizes", "seconds a meta-batch", "MB above the start"]]
    for axis, line in dict.fromkeys((r["axis"], r["line"]) for r in rows):
        own = [r for r in rows if (r["axis"], r["line"]) == (axis, line)]
        columns = ("at", "{}"), ("seconds", "{:.2f}"), ("memory_mb", "{:.0f}")
        lines.append([axis, line, *(", ".join(form.format(r[key]) for r in own) for key, form in columns)])
    return lines


def ren2018(rows: Rows) -> list[list[str]]:
    """Minutes and accuracy."""
    lines = [["steps", "minutes", "accuracy on 600 test episodes, %"]]
    for r in rows:
        mean, half = (100 * r["accuracy"][k] for k in ("mean", "ci95"))
        lines.append([f"{r['steps']:,}", f"{r['minutes']:.1f}", f"{mean:.2f} ± {half:.2f}"])
    return lines


TABLES: dict[str, Callable[[Rows], list[list[str]]]] = {
    f.__name__: f for f in (maml_step, episodes, meta_test, overhead, startup, scaling, ren2018)
}


def main() -> None:
    """Every marker whose results are stored."""
    page = PAGE.read_text()
    for name, table in TABLES.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            stored = json.loads(path.read_text())
            page = _between(page, name, _markdown(table(stored["rows"])) + "\n\n" + _about(stored["about"]))
    write_atomically(PAGE, lambda path: path.write_text(page))


def _between(page: str, name: str, text: str) -> str:
    pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page)


def _markdown(lines: list[list[str]]) -> str:
    head, *body = lines
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _about(about: dict[str, Any]) -> str:
    revision = (about["revision"] or "?")[:7] + (" with changes" if about["dirty"] else "")
    return f"`{about['command']}`, commit {revision}, {about['hardware']}, torch {about['torch']}."


if __name__ == "__main__":
    main()
