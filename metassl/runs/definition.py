"""What of a run's folder defines its experiment, and what belongs to whoever runs it today.

A folder may come from somebody else. What was trained, and how, is taken from it; where to read and write,
and whom to tell, is not: that is said by today's command line and this machine's environment.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from metassl.shipped import conf_folder
from metassl.targets import located, refuse_foreign_targets
from metassl.yaml_files import read_yaml

SECTIONS = (
    "seed", "published", "outcome", "episode", "backbone", "engine", "dataset", "model", "ssl", "optimizer",
    "trainer", "evaluation",
)  # fmt: skip
GROUPS = (
    *SECTIONS,
    "distance",
    "behind",
    "start_distance",
    "classifier",
    "features",
    "experiment",
)  # config groups that change nothing but sections
TODAY = "${paths."
Places = Mapping[tuple[type, str], str]  # (class, argument) -> the reference that its config gives


def defining(config: DictConfig) -> DictConfig:
    """The sections of a config that define the experiment."""
    return OmegaConf.create({key: config[key] for key in SECTIONS if key in config})


def refuse_foreign_experiment(config: DictConfig, vouched: Collection[str]) -> None:
    """As `refuse_foreign_targets`, for what may come from a folder; loggers and the like never do."""
    refuse_foreign_targets(OmegaConf.to_container(defining(config), resolve=False), vouched)


def todays_paths(output_dir: Path) -> DictConfig:
    """The `paths` of this machine, as a run without any word would have them."""
    paths = OmegaConf.create({"paths": read_yaml(conf_folder() / "config.yaml").paths})
    paths.paths.output_dir = str(output_dir)
    OmegaConf.resolve(paths)
    found = paths.paths
    assert isinstance(found, DictConfig)
    return found


def known_places(own: Iterable[Path] = ()) -> Places:
    """The arguments that say where a class keeps its files: their configs refer to `paths`.

    Args:
        own: folders of config groups besides the package's.
    """
    folders = [folder / group for folder in (conf_folder(), *own) for group in GROUPS]
    files = (path for folder in folders for path in folder.rglob("*.yaml"))
    nodes = (node for path in files for node, _ in _nodes(_placed(path)) if "_target_" in node)
    return {
        (_found(node["_target_"]), str(key)): value
        for node in nodes
        for key, value in node.items()
        if isinstance(value, str) and value.startswith(TODAY)
    }


def place_names(known: Places) -> set[str]:
    """What these arguments are called."""
    return {argument for _, argument in known}


class Place(NamedTuple):
    """An argument of a config that says where its class keeps files.

    Attributes:
        key: dotted, from the config's root.
        value: what the config says.
        reference: to today's `paths`.
        node: the mapping that it is in, and `argument` its name there.
    """

    key: str
    value: Any
    reference: str
    node: dict[str, Any]
    argument: str


def places_in(content: Any, known: Places, prefix: str = "") -> Iterator[Place]:
    """The places that a config names.

    Args:
        content: plain, nothing resolved; what it builds must have been checked.
        known: as `known_places` has it.
        prefix: of the keys.
    """
    for node, above in _nodes(content, prefix):
        if "_target_" not in node:
            continue
        target = _found(node["_target_"])
        kinds = target.__mro__ if isinstance(target, type) else (target,)
        for kind, argument in known:
            if kind in kinds and argument in node:
                yield Place(f"{above}{argument}", node[argument], known[kind, argument], node, argument)


def with_todays_places(config: DictConfig, known: Places) -> DictConfig:
    """A config that came from a folder, with today's places as references to its `paths`."""
    content = OmegaConf.to_container(config, resolve=False)
    for place in list(places_in(content, known)):
        place.node[place.argument] = place.reference
    found = OmegaConf.create(content)
    assert isinstance(found, DictConfig)
    return found


def _nodes(content: Any, prefix: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Every mapping, and what its keys begin with."""
    if isinstance(content, dict):
        yield content, prefix
    pairs = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in pairs:
        yield from _nodes(value, f"{prefix}{key}.")


def _found(target: str) -> Any:
    """What a target names; None where it can't be imported, which its builder says better."""
    try:
        return located(target)
    except Exception:
        return None


def _placed(path: Path) -> Any:
    """The content of a config that refers to `paths`; most don't, and are not worth parsing."""
    refers = TODAY in path.read_text(encoding="utf-8")
    return OmegaConf.to_container(read_yaml(path), resolve=False) if refers else None
