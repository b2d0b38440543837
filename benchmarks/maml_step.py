"""Second-order MAML meta-gradient, ours against the peers: python -m benchmarks.maml_step [filters-side-steps ...].

5-way 1-shot, 15 queries a class, 16 tasks. Each contender runs in a process of its own with its own defaults, one
round of each in turn. The gradients are compared first, in float64 and as they are timed.
"""

import sys
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor

from benchmarks.peers import maml
from benchmarks.timing import Contender, Outcome, race, ratios, save

SETTINGS = [
    maml.Setting(filters, side, steps) for side in (28, 84) for filters in (64, 32) for steps in (1, 5)
]
PEERS = {"plain loop": maml.plain_loop, "higher": maml.with_higher, "torchopt": maml.with_torchopt}
ENGINES = {
    "threads": {"_target_": "metassl.engine.threads.Threads", "workers": None},
    "threads, chunks of 8": {"_target_": "metassl.engine.threads.Threads", "workers": None, "chunk": 8},
    "vmap": {"_target_": "metassl.engine.tasks.Vmap", "chunk": 16},
}
ROUNDS = 7


def main(wanted: list[str]) -> None:
    """Prints and stores a row for each setting."""
    rows: list[dict[str, Any]] = []
    for setting in SETTINGS:
        if wanted and f"{setting.filters}-{setting.side}-{setting.steps}" not in wanted:
            continue
        row = measure(setting)
        rows.append(row)
        print(line(row), flush=True)
    if not wanted:
        save("maml_step", rows, "python -m benchmarks.maml_step")


def measure(setting: maml.Setting) -> dict[str, Any]:
    """Tasks a second of each contender, ours against the fastest peer, and how far the gradients differ."""
    contenders = [Contender(name, make, (setting,)) for name, make in PEERS.items()]
    contenders.append(Contender("metassl", maml.ours, (setting, THREADS)))
    found = race(contenders, ROUNDS)
    fastest = min(PEERS, key=lambda name: found[name].median)
    return {
        **asdict(setting),
        "tasks_per_second": {name: setting.tasks / o.median for name, o in found.items()},
        "fastest_peer": fastest,
        "ratio": ratios(found[fastest], found["metassl"]),
        "gradient_error": error(found),
        "gradient_error_float64": exact_error(setting),
        "peak_mb": {name: o.peak_mb for name, o in found.items()},
        "note": found["metassl"].note,
    }


def exact_error(setting: maml.Setting) -> float:
    """The largest difference from a peer in float64, on two tasks."""
    small = replace(setting, tasks=2, dtype="float64", device="cpu")
    makes = {**PEERS, "metassl": lambda s: maml.ours(s, THREADS)}
    return largest_difference({name: make(small).value() for name, make in makes.items()})


def error(found: dict[str, Outcome]) -> float:
    """The largest difference from a peer, as timed."""
    return largest_difference({name: o.value for name, o in found.items()})


def largest_difference(values: dict[str, dict[str, Tensor]]) -> float:
    """max over peers of |ours - theirs| / |theirs|, over all parameters together."""
    own = values["metassl"]
    return max(
        (sum((own[n] - g).square().sum() for n, g in v.items()) / sum(g.square().sum() for g in v.values()))
        .sqrt()
        .item()
        for name, v in values.items()
        if name != "metassl"
    )


def line(row: dict[str, Any]) -> str:
    """One row, readable."""
    speeds = ", ".join(f"{name} {v:.1f}" for name, v in row["tasks_per_second"].items())
    r = row["ratio"]
    return (
        f"Conv4-{row['filters']} {row['side']}×{row['side']} K={row['steps']}: {speeds} tasks/s; "
        f"{r['median']:.2f} times {row['fastest_peer']} ({r['min']:.2f} to {r['max']:.2f}); gradients differ by "
        f"{row['gradient_error_float64']:.0e} (float64), {row['gradient_error']:.0e} (float32)"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
