"""How far float32 takes the MAML gradient from that of float64: python -m benchmarks.rounding.

|g32 - g64| / |g64| over all parameters, where g64 is the plain loop's in float64, for each of 16 tasks alone
and for their mean. A gradient jumps where the winner of a pooling window or the sign at a ReLU changes; the
plain loop with average pooling and softplus has no such places and shows what rounding does otherwise.
"""

import statistics
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.maml_step import difference
from benchmarks.peers import maml
from benchmarks.tasks import compose
from benchmarks.timing import save

SETTINGS = [maml.Setting(filters, 28, steps, tasks=1) for filters in (64, 32) for steps in (1, 5)]
TASKS = 16
JUMP = 1e-4  # rounding alone stays below
Gradients = dict[str, Tensor]


def main() -> None:
    """Prints and stores a row for each setting."""
    torch.set_num_threads(1)  # sums in the same order everywhere
    rows = []
    for setting in SETTINGS:
        rows.append(measure(setting))
        print(rows[-1], flush=True)
    save("rounding", rows, "python -m benchmarks.rounding")


def measure(setting: maml.Setting) -> dict[str, Any]:
    """One row."""
    engine = compose("engine=loop").engine
    found: dict[str, list[tuple[Gradients, Gradients]]] = {"plain loop": [], "metassl": [], "no kinks": []}
    for seed in range(TASKS):
        single = replace(setting, seed=seed)
        exact = replace(single, dtype="float64")
        g64 = maml.plain_loop(exact).value()
        found["plain loop"].append((maml.plain_loop(single).value(), g64))
        found["metassl"].append((maml.ours(single, engine)[0].value(), g64))
        found["no kinks"].append(tuple(maml.plain_loop(s, without_kinks).value() for s in (single, exact)))
    return {
        "filters": setting.filters,
        "side": setting.side,
        "steps": setting.steps,
        "tasks": TASKS,
        "float32_from_float64": {name: summary(pairs) for name, pairs in found.items()},
    }


def summary(pairs: list[tuple[Gradients, Gradients]]) -> dict[str, float]:
    """Of each task alone: median, largest, and how many jump; and of the mean gradient."""
    each = [difference(a, b) for a, b in pairs]
    return {
        "median": statistics.median(each),
        "largest": max(each),
        "jumps": sum(d > JUMP for d in each),
        "of_the_mean": difference(*(_mean(gradients) for gradients in zip(*pairs, strict=True))),
    }


def _mean(gradients: tuple[Gradients, ...]) -> Gradients:
    return {name: torch.stack([g[name].double() for g in gradients]).mean(0) for name in gradients[0]}


def without_kinks(setting: maml.Setting) -> nn.Module:
    """The peers' network with softplus for ReLU and average for max-pooling."""
    net = maml.network(setting)
    smooth = {nn.ReLU: nn.Softplus(), nn.MaxPool2d: nn.AvgPool2d(2)}
    return nn.Sequential(*(smooth.get(type(module), module) for module in net))


if __name__ == "__main__":
    main()
