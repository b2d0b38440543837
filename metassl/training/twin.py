"""The twin of a run: the same training without unlabelled examples. What they are worth is the difference.

Both have the same budget: seed, episodes, steps, schedule, validations. Their supports and queries are the
same, for these don't change with what is unlabelled.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.instantiate import instantiate
from metassl.provenance import code_hash
from metassl.targets import targets_in

NONE = "metassl.ssl.none.NoObjective"
# Keys of an episode that say what is unlabelled: supports and queries are the same whatever they say.
OF_UNLABELLED = (
    "unlabelled", "distractors", "distractor_unlabelled", "imbalance", "dirichlet",
    "out_of_scope", "class_aware", "transductive",
)  # fmt: skip
TRAINS = ("seed", "outcome", "episode", "backbone", "engine", "dataset", "model", "optimizer", "trainer")
NEUTRAL = ("progress", "threads", "workers", "log_every", "checkpoint_every")  # of the trainer
OF_VIEWS = ("views", "feature_views")  # of the data set
VALIDATES = ("seed", "val_episodes")  # of the evaluation


def is_twin(config: DictConfig) -> bool:
    """Whether a config has no use for unlabelled examples: it is a twin of others."""
    return bool(config.ssl.objective.get("_target_") == NONE)


def twin_config(config: DictConfig) -> DictConfig:
    """The config without an SSL objective, and without a tracker of its own; all else is the same."""
    twin = config.copy()
    with open_dict(twin):
        twin.ssl = {"objective": {"_target_": NONE}}
        twin.published = twin.logger.extra = None
    return twin


def twin_key(config: DictConfig) -> str:
    """16 hex digits that two configs share where their twins are the same training of the same code."""
    content = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    kept = {key: content[key] for key in TRAINS if key in content}
    kept["episode"] = _labelled(kept["episode"])
    kept["dataset"] = {key: value for key, value in kept["dataset"].items() if key not in OF_VIEWS}
    kept["dataset"]["source"] = _source(config)
    if config.dataset.get("features") is not None:
        kept["dataset"]["features"] = dict(instantiate(config.dataset.features).fingerprint())
    kept["trainer"] = {key: value for key, value in kept["trainer"].items() if key not in NEUTRAL}
    kept["optimizer"] = {key: value for key, value in kept["optimizer"].items() if not key.startswith("ssl")}
    kept["evaluation"] = {key: content["evaluation"][key] for key in VALIDATES}
    kept["code"] = code_hash(targets_in(kept))
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _labelled(episode: Mapping[str, Any]) -> dict[str, Any]:
    """The make-up of an episode without what is unlabelled, in training and at test."""
    kept = {key: value for key, value in episode.items() if key not in OF_UNLABELLED}
    return {**kept, "test": {key: kept["test"][key] for key in kept["test"] if key not in OF_UNLABELLED}}


def _source(config: DictConfig) -> Any:
    """What makes the data what they are: their fingerprint where they have one, wherever they lie."""
    source = instantiate(config.dataset.source)
    if hasattr(source, "fingerprint"):
        return [config.dataset.source.get("_target_"), dict(source.fingerprint())]
    return OmegaConf.to_container(config.dataset.source, resolve=True)
