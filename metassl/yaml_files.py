"""Reads YAML files that may come from anywhere, within limits."""

from pathlib import Path

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.errors import DataError

LARGEST = 1 << 18  # bytes; a run's config has about 10,000
NODES = 20_000  # once every alias is written out: a few lines of aliases of aliases can stand for billions
DEEPEST = 64
BRACKETS = 2_000  # of nested ones the parser takes the square of their number, before it says anything


def read_yaml(path: Path) -> DictConfig | ListConfig:
    """The content of a YAML file, nothing in it resolved.

    Raises DataError for a file that is missing, damaged, or larger or deeper than a config can be.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: found {path.stat().st_size:,} bytes, allowed are {LARGEST:,}.")
        text = path.read_text(encoding="utf-8")
        _check_size(path, text)
        content = OmegaConf.create(text)
    except (yaml.YAMLError, OmegaConfBaseException, OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({str(error).splitlines()[0]}).") from None
    if not isinstance(content, DictConfig | ListConfig):
        raise DataError(f"{path}: expected keys and values, found {type(content).__name__}.")
    return content


def _check_size(path: Path, text: str) -> None:
    """Counts what there would be with the aliases written out, before any of it is made."""
    if text.count("[") + text.count("{") > BRACKETS:
        raise DataError(f"{path}: has more than {BRACKETS:,} brackets.")
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]  # anchor, nodes in it so far
    known: dict[str, int] = {}
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            if len(open_nodes) > DEEPEST:
                raise DataError(f"{path}: is nested deeper than {DEEPEST} levels.")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, found = open_nodes.pop()
            if anchor is not None:
                known[anchor] = found
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in open_nodes):
                raise DataError(f"{path}: has an alias in what it stands for.")
            found = known.get(str(event.anchor), 1)  # 1 of a scalar
        else:
            found = int(isinstance(event, yaml.ScalarEvent))
        above, so_far = open_nodes.pop()
        open_nodes.append((above, so_far + found))
        if so_far + found > NODES:
            raise DataError(f"{path}: stands for more than {NODES:,} values, its aliases written out.")
