"""Second-order MAML meta-gradient, ours against the peers: python -m benchmarks.maml_step [64-28-1 ...].

5-way 1-shot, 15 queries a class, 16 tasks (4 at 84×84). Each contender runs in a process of its own with
its own defaults, one round of each in turn; ours with engine=auto, which picks before the rounds. The
gradients are compared first, in float64 and as they are timed. Words choose settings: filters-side-steps.
learn2learn is not among the peers: its source distribution doesn't build on Python 3.11.
"""

import json
import sys
import tempfile
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from benchmarks.peers import maml
from benchmarks.tasks import compose
from benchmarks.timing import RESULTS, Contender, Work, race, ratios, save

TASKS, ROUNDS, WARMUP = {28: 16, 84: 4}, {28: 5, 84: 2}, {28: 1, 84: 0}  # peers need minutes a round at 84×84
SETTINGS = [
    maml.Setting(filters, side, steps, TASKS[side])
    for side in (28, 84)
    for filters in (64, 32)
    for steps in (1, 5)
]
PEERS = {"plain loop": maml.plain_loop, "higher": maml.with_higher, "torchopt": maml.with_torchopt}
TUNED, OURS = "tuned loop", "metassl"
WARM = 2 * 5  # steps until engine=auto has measured its five candidates once each


def main(wanted: list[str]) -> None:
    """Prints and stores a row for each setting; rows of other settings that are stored stay."""
    for setting in SETTINGS:
        if wanted and f"{setting.filters}-{setting.side}-{setting.steps}" not in wanted:
            continue
        row = measure(setting)
        print(line(row), flush=True)
        save("maml_step", _with(row), "python -m benchmarks.maml_step")


def _with(row: dict[str, Any]) -> list[dict[str, Any]]:
    path = RESULTS / "maml_step.json"
    stored = json.loads(path.read_text())["rows"] if path.exists() else []
    order = [_place(asdict(setting)) for setting in SETTINGS]
    kept = [r for r in stored if _place(r) != _place(row)]
    return sorted([*kept, row], key=lambda r: order.index(_place(r)))


def _place(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["filters"], row["side"], row["steps"]


def measure(setting: maml.Setting) -> dict[str, Any]:
    """Tasks a second of each contender, ours against the fastest peer, and how far the gradients differ."""
    others = PEERS | {TUNED: maml.tuned_loop}
    contenders = [Contender(name, make, (setting,)) for name, make in others.items()]
    found = race([*contenders, Contender(OURS, ours, (setting,))], ROUNDS[setting.side], WARMUP[setting.side])
    fastest = min(PEERS, key=lambda name: found[name].median)
    exact = exact_gradients(setting)
    timed = {name: o.value for name, o in found.items()}
    return {
        **asdict(setting),
        "tasks_per_second": {name: setting.tasks / o.median for name, o in found.items()},
        "fastest_peer": fastest,
        "ratio": ratios(found[fastest], found[OURS]),
        "ratio_tuned": ratios(found[TUNED], found[OURS]),
        "engine": found[OURS].note,
        "difference_float64": difference(exact[OURS], exact["plain loop"]),
        "difference_float32": difference(timed[OURS], timed["plain loop"]),
        "peak_mb": {name: o.peak_mb for name, o in found.items()},
    }


def ours(setting: maml.Setting) -> Work:
    """With engine=auto, its choice made."""
    with tempfile.TemporaryDirectory() as folder:
        engine = compose("engine=auto", "engine.rounds=1", f"engine.cache={folder}/engines.json").engine
        work, made = maml.ours(setting, engine)
        for _ in range(WARM):
            work.run()
    return Work(work.run, work.value, lambda: made.chosen)


def exact_gradients(setting: maml.Setting) -> dict[str, dict[str, Tensor]]:
    """Of all contenders in float64, on two tasks."""
    small = replace(setting, tasks=2, dtype="float64")
    own = maml.ours(small, compose("engine=compiled").engine)[0]
    return {OURS: own.value()} | {name: make(small).value() for name, make in PEERS.items()}


def difference(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """|a - b| / |b| over all parameters together."""
    apart = sum(float((a[n] - g).square().sum()) for n, g in b.items())
    return (apart / sum(float(g.square().sum()) for g in b.values())) ** 0.5


def line(row: dict[str, Any]) -> str:
    """One row, readable."""
    speeds = ", ".join(f"{name} {v:.1f}" for name, v in row["tasks_per_second"].items())
    r, tuned = row["ratio"], row["ratio_tuned"]
    return (
        f"Conv4-{row['filters']} {row['side']}×{row['side']} K={row['steps']}: {speeds} tasks/s; "
        f"{r['median']:.2f} times {row['fastest_peer']} ({r['min']:.2f} to {r['max']:.2f}), {row['engine']}; "
        f"{tuned['median']:.2f} times the {TUNED} ({tuned['min']:.2f} to {tuned['max']:.2f}); "
        f"gradients differ by {row['difference_float64']:.0e} (float64), "
        f"{row['difference_float32']:.0e} (float32)"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
