"""A default that stands in a YAML file and in Python is the same in both, and --help shows every option."""

import inspect
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from metassl.cli.choices import options_of
from metassl.ssl.term import SSLTerm
from tests.conftest import CONF

GROUPS = ("model", "ssl", "distance", "behind", "start_distance", "backbone", "engine")
# what the builder fills in or an owner hands over, and parts that are built with their own defaults
GIVEN = {
    "self",
    "backbone",
    "task",
    "features",
    "map_shape",
    "input_shape",
    "parameters",
    "params",
    "objective",
    "of",
    "outputs",
}
PARTS = {
    "behind",
    "first_head",
    "head",
    "encoder",
    "pool",
    "distance",
    "inner",
    "classifier",
    "candidates",
    "cache",
}


@cache
def nodes() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Target -> the options that name it, with their values."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for group in GROUPS:
            for option in options_of(group, CONF):
                model = {
                    "distance": "model=nearest_task",
                    "behind": "model=starts",
                    "start_distance": "model=starts",
                    "ssl": "model=protonet",
                }.get(group)
                words = [w for w in (model, f"{group}={option}") if w]
                config = compose("config", overrides=words)
                tree = config.ssl.objective if group == "ssl" else config[group]
                for node in targets(OmegaConf.to_container(tree, resolve=True)):
                    found[node["_target_"]].append((f"{group}={option}", node))
    return found


def targets(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from targets(value)


def defaults(target: str) -> dict[str, Any]:
    """Constructor's arguments and their defaults, without what others fill in."""
    arguments = inspect.signature(get_object(target)).parameters.values()
    varying = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {a.name: a.default for a in arguments if a.name not in GIVEN and a.kind not in varying}


def differing(node: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    known = {name: value for name, value in defaults(node["_target_"]).items() if name not in PARTS}
    return {
        name: (node[name], value)
        for name, value in known.items()
        if name in node and node[name] != (list(value) if isinstance(value, tuple) else value)
    }


@pytest.mark.parametrize("target", sorted(nodes()))
def test_every_argument_has_a_default(target: str) -> None:
    missing = [name for name, value in defaults(target).items() if value is inspect.Parameter.empty]
    assert not set(missing) - PARTS


@pytest.mark.parametrize("target", sorted(nodes()))
def test_an_option_has_the_defaults_of_its_class(target: str) -> None:
    """Where several options name a class, the others say what differs; one of them is the class as it is."""
    each = {option: differing(node) for option, node in nodes()[target]}
    assert {} in each.values(), each


@pytest.mark.parametrize("target", sorted(nodes()))
def test_every_argument_is_shown(target: str) -> None:
    for option, node in nodes()[target]:
        hidden = defaults(target).keys() - node.keys() - PARTS
        assert not hidden, (option, hidden)


def test_the_term_has_the_defaults_of_the_config() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=["ssl=none"])
    shown = {k: v for k, v in OmegaConf.to_container(config.ssl).items() if k != "objective"}
    expected = {a.name: a.default for a in inspect.signature(SSLTerm).parameters.values()}
    assert shown == {name: value for name, value in expected.items() if name != "objective"}
