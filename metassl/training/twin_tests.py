"""Tests of twins, which the runs of a sweep share: the same weights on the same episodes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from metassl.evaluation.meta_test import Columns
from metassl.training.twin import twin_config

APART = ("paths", "resume", "logger", "trainer", "optimizer")  # sections that change nothing of a test


class TwinTests:
    """Keeps what twins scored on each test episode, for the next run that is compared with the same twin.

    In a map every objective of a model and seed is. No number changes: a test draws nothing at random that
    its seed does not say.
    """

    def __init__(self) -> None:
        self._known: dict[str, Columns] = {}

    def columns(self, config: DictConfig, weights: Path, test: Callable[[], Columns]) -> Columns:
        """What the twin with these weights scores; `test` finds it where it is not known yet.

        Args:
            config: of the run that is compared with it.
            weights: the file of the twin's weights.
            test: does the test.
        """
        key = _key(config, weights)
        if key not in self._known:
            self._known[key] = test()
        return self._known[key]


def _key(config: DictConfig, weights: Path) -> str:
    content = cast(dict[str, Any], OmegaConf.to_container(twin_config(config), resolve=True))
    said = json.dumps({k: v for k, v in content.items() if k not in APART}, sort_keys=True, default=str)
    return hashlib.sha256(said.encode() + weights.read_bytes()).hexdigest()
