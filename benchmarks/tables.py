"""The tables of benchmarks/README.md: stored rows to lines of cells, the first of them the head."""

from collections.abc import Callable, Sequence
from typing import Any

Rows = Sequence[dict[str, Any]]


def maml_step(rows: Rows) -> list[list[str]]:
    """Tasks a second and ratios."""
    every = (name for r in rows for name in r["tasks_per_second"] if name != "metassl")
    peers = list(dict.fromkeys(every))  # rows may be of different days, and so of different contenders
    head = [
        "network",
        "images",
        "K",
        *peers,
        "metassl",
        "times the fastest peer",
        "least to most",
        "times the tuned loop",
        "engine",
        "difference in float64",
    ]
    lines = [head]
    for r in rows:
        rates, ratio = r["tasks_per_second"], r["ratio"]
        lines.append(
            [
                f"Conv4-{r['filters']}",
                f"{r['side']}×{r['side']}",
                str(r["steps"]),
                *(f"{rates[name]:.2f}" if name in rates else "–" for name in (*peers, "metassl")),
                f"{ratio['median']:.2f}",
                f"{ratio['min']:.2f} to {ratio['max']:.2f}",
                f"{r['ratio_tuned']['median']:.2f}" if "ratio_tuned" in r else "–",
                r["engine"],
                f"{r['difference_float64']:.0e}",
            ]
        )
    return lines


def rounding(rows: Rows) -> list[list[str]]:
    """How far float32 is from float64; over tasks: median, largest, how many jump; then of the mean."""
    names = list(rows[0]["float32_from_float64"])
    lines = [["network", "K", *names]]
    for r in rows:
        found = [r["float32_from_float64"][name] for name in names]
        cells = [
            f"{f['median']:.0e}, {f['largest']:.0e}, {f['jumps']} of {r['tasks']}; {f['of_the_mean']:.0e}"
            for f in found
        ]
        lines.append([f"Conv4-{r['filters']}", str(r["steps"]), *cells])
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
    lines = [["ssl", "episodes", "metassl", "one by one", "easyfsl", "times easyfsl"]]
    for r in rows:
        rates = [f"{r[f'{k}episodes_per_second']:,.0f}" for k in ("", "direct_", "easyfsl_")]
        lines.append([r["ssl"], f"{r['episodes']:,}", *rates, f"{r['times_easyfsl']:.0f}"])
    return lines


def meta_test_check(rows: Rows) -> list[list[str]]:
    """How far the table of features and the direct way are from each other."""
    lines = [["ssl", "episodes", "accuracy", "loss", "apart by", "with a wrong table"]]
    for r in rows:
        ways = (r, r["wrong_table"])
        apart = [
            f"{w['largest_loss_difference']:.0e}, {w['accuracies_that_differ']} accuracies" for w in ways
        ]
        scores = [f"{r[k]['mean']:.3f} ± {r[k]['std']:.3f}" for k in ("accuracy", "loss")]
        lines.append([r["ssl"], str(r["episodes"]), *scores, *apart])
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


def large_pool(rows: Rows) -> list[list[str]]:
    """A line for each size."""
    lines = [["images", "GB", "classes", "of sizes", "seconds to build", "MB", "episodes drawn a second"]]
    for r in rows:
        numbers = f"{r['build_seconds']:.2f}", f"{r['memory_mb']:.0f}", f"{r['episodes_a_second']:,.0f}"
        lines.append([f"{r['images']:,}", f"{r['gb']:.2f}", f"{r['classes']:,}", r["sizes"], *numbers])
    return lines


def map_cells(rows: Rows) -> list[list[str]]:
    """Whole maps, and the parts of a cell."""
    lines = [["", "seconds", "CPU seconds", "cells an hour", "times faster", "times less CPU"]]
    for r in rows:
        whole = [f"{r[key]:{form}}" for key, form in WHOLE.items() if key in r]
        lines.append([r["name"], *([*whole] if len(whole) > 1 else ["", f"{r['cpu']:.2f}", "", "", ""])])
    return lines


def ren2018(rows: Rows) -> list[list[str]]:
    """Minutes and accuracy."""
    lines = [["steps", "minutes", "accuracy on 600 test episodes, %"]]
    for r in rows:
        mean, half = (100 * r["accuracy"][k] for k in ("mean", "ci95"))
        lines.append([f"{r['steps']:,}", f"{r['minutes']:.1f}", f"{mean:.2f} ± {half:.2f}"])
    return lines


WHOLE = {
    "seconds": ".0f",
    "cpu": ".0f",
    "cells_an_hour": ".0f",
    "times_faster": ".2f",
    "times_less_cpu": ".2f",
}
TABLES: dict[str, Callable[[Rows], list[list[str]]]] = {
    f.__name__: f
    for f in (
        maml_step,
        rounding,
        episodes,
        meta_test,
        meta_test_check,
        overhead,
        startup,
        scaling,
        large_pool,
        map_cells,
        ren2018,
    )
}
