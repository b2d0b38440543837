"""The engine that measures the others on the first steps of a run, and takes the fastest."""

import hashlib
import statistics
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from metassl.engine.base import Engine, Loss
from metassl.errors import UserError
from metassl.files import read_json, write_json
from metassl.learners.base import MetaLearner
from metassl.provenance import hardware
from metassl.schema.ranges import Count
from metassl.tasks.episode import Episode


class Auto:
    """Measures other engines on the first steps of a run and takes the fastest.

    Runs each candidate on `rounds` + 1 meta-batches (the first warms it up) and stays with the fastest.

    No step is wasted: all candidates give the same gradients, up to rounding. The choice is kept in a file
    for the next run of the same learner on tasks of the same shapes and the same machine. A candidate that
    can't run the work, such as vmap with an operation that it has no rule for, is left out. Prediction
    follows the choice of training; without one, the first candidate runs.

    Args:
        candidates: name -> engine.
        cache: where choices are kept.
        rounds: timed rounds of each candidate.
    """

    allows_buffers = True  # of the candidates, those are measured that may

    def __init__(self, candidates: Mapping[str, Engine], cache: str | Path, rounds: Count = 2) -> None:
        self.candidates, self.cache, self.rounds = dict(candidates), Path(cache), rounds
        self.seconds: dict[str, list[float]] = {}
        self.chosen: str | None = None

    def gradients(self, learner: MetaLearner, loss: Loss, tasks: Episode) -> tuple[dict[str, Tensor], Any]:
        """See Engine."""
        if self.chosen is None and not self.seconds:
            self._recall(_key(learner, tasks), self._entrants(learner))
            self.seconds = {name: [] for name in self._entrants(learner)}
        while self.chosen is None:
            name = min(self.seconds, key=lambda n: len(self.seconds[n]))
            began = time.perf_counter()
            try:
                result = self.candidates[name].gradients(learner, loss, tasks)
            except (RuntimeError, NotImplementedError):
                if len(self.seconds) == 1:  # not the engine's fault
                    raise
                del self.seconds[name]
                continue
            _wait()
            self.seconds[name].append(time.perf_counter() - began)
            if all(len(each) > self.rounds for each in self.seconds.values()):
                self._choose(_key(learner, tasks))
            return result
        return self.candidates[self.chosen].gradients(learner, loss, tasks)

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """See Engine."""
        return self.candidates[self.chosen or self._entrants(learner)[0]].map(learner, function, tasks)

    def _entrants(self, learner: MetaLearner) -> list[str]:
        single = learner.one_by_one
        return [name for name, engine in self.candidates.items() if engine.allows_buffers or not single]

    def _choose(self, key: str) -> None:
        medians = {name: statistics.median(each[1:]) for name, each in self.seconds.items()}
        order = sorted(medians, key=lambda name: medians[name])
        self.chosen = order[0]
        found = ", ".join(f"{name} {1000 * medians[name]:.0f} ms" for name in order)
        print(f"engine=auto takes {self.chosen} (a meta-batch: {found})")
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.cache, {**self._kept(), key: self.chosen})

    def _recall(self, key: str, entrants: Collection[str]) -> None:
        name = self._kept().get(key)
        if name in entrants:  # the file may be of other candidates, or written by hand
            self.chosen = name
            print(f"engine=auto takes {name}, as measured before ({self.cache})")

    def _kept(self) -> dict[str, str]:
        try:
            return read_json(self.cache)
        except UserError:  # none yet, or not ours: it is written anew
            return {}


def _key(learner: MetaLearner, tasks: Episode) -> str:
    """What a choice holds for, as a short text."""
    parts = [
        hardware(),
        torch.__version__,
        torch.get_num_threads(),
        str(tasks.support_x.device),
        type(learner).__qualname__,
        type(learner.ssl.objective).__qualname__,
        [_settings(part) for part in (learner, learner.backbone, learner.ssl.objective)],
        [(name, tuple(p.shape)) for name, p in learner.named_parameters()],
        [tuple(x.shape) for x in tree_leaves(tasks)],
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _settings(part: nn.Module) -> list[tuple[str, int | str]]:
    """What no parameter's shape tells: the norm, the number of inner steps, their order."""
    return sorted((k, v) for k, v in vars(part).items() if isinstance(v, int | str))


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
