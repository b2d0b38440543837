"""A default that stands in a YAML file and in Python is the same in both, and --help shows every option."""

import inspect
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.cli.choices import options_of
from metassl.ssl.term import SSLTerm
from tests.conftest import CONF
from tests.support.composing import composed

GROUPS = ("model", "ssl", "distance", "behind", "start_distance", "classifier", "backbone", "engine")
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


def nodes() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Target -> the options that name it, with their values."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for group in GROUPS:
        for option in options_of(group, CONF):
            config = with_option(group, option)
            tree = config.ssl.objective if group == "ssl" else config[group]
            for node in targets(OmegaConf.to_container(tree, resolve=True)):
                found[node["_target_"]].append((f"{group}={option}", node))
    return found


OWNERS = {
    "distance": "model=nearest_task",
    "behind": "model=starts",
    "start_distance": "model=starts",
    "classifier": "model=rfs",
    "ssl": "model=protonet",
}


def with_option(group: str, option: str) -> DictConfig:
    """The config with an option; one that is a file of its own is laid over, which saves composing it."""
    words = [OWNERS[group]] if group in OWNERS else []
    text = (CONF / group / f"{option}.yaml").read_text()
    if "defaults:" in text or "@package" in text:
        return composed(*words, f"{group}={option}")
    config = composed(*words)
    with open_dict(config):
        config[group] = OmegaConf.create(text)
    return config


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


def test_options_and_classes_agree() -> None:
    """In one test, for which all options are composed once."""
    found = nodes()
    without = {target: undefined(target) for target in found}
    assert {target: names for target, names in without.items() if names} == {}
    differ = {target: {o: differing(node) for o, node in each} for target, each in found.items()}
    # where several options name a class, the others say what differs; one of them is the class as it is
    assert {target: each for target, each in differ.items() if {} not in each.values()} == {}
    hidden = {
        (target, option): defaults(target).keys() - node.keys() - PARTS
        for target, each in found.items()
        for option, node in each
    }
    assert {where: names for where, names in hidden.items() if names} == {}


def undefined(target: str) -> set[str]:
    """The arguments of a class that have no default."""
    return {name for name, value in defaults(target).items() if value is inspect.Parameter.empty} - PARTS


def test_the_term_has_the_defaults_of_the_config() -> None:
    config = composed("ssl=none")
    shown = {k: v for k, v in OmegaConf.to_container(config.ssl).items() if k != "objective"}
    expected = {a.name: a.default for a in inspect.signature(SSLTerm).parameters.values()}
    assert shown == {name: value for name, value in expected.items() if name != "objective"}
