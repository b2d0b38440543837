"""Reads the options of a config group: what each file says, which classes it builds, what it inherits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

TARGET = "_target_"
GLOBAL = "# @package _global_"


@dataclass(frozen=True)
class Option:
    """One file of a config group, as a reader of the documentation wants to know it.

    Attributes:
        name: the word behind `group=`.
        note: the comment at the top of the file.
        parents: options of the same group that it starts from.
        stated: dotted key -> value, as this file states it.
        own: dotted key of a node -> the class that it builds, as this file states it; "" is the option's
            own node.
        targets: the same with those of the parents.
    """

    name: str
    note: str
    parents: tuple[str, ...]
    stated: Mapping[str, Any]
    own: Mapping[str, str]
    targets: Mapping[str, str]

    @property
    def main(self) -> str | None:
        """The node of this package's class that the option is about: the first that it builds."""
        return next((node for node, path in self.targets.items() if path.startswith("metassl.")), None)

    def parts(self) -> dict[str, str]:
        """The other classes that this file gives to the main one, by their place in it."""
        inside = {node: path for node, path in self.own.items() if node != self.main}
        return {
            node.removeprefix(self.prefix): path
            for node, path in inside.items()
            if node.startswith(self.prefix)
        }

    @property
    def prefix(self) -> str:
        """What the keys of the main node begin with."""
        return f"{self.main}." if self.main else ""


def option_names(group: str, conf: Path) -> list[str]:
    """The options of a config group, by the alphabet."""
    return sorted(path.stem for path in (conf / group).glob("*.yaml"))


def read_options(group: str, conf: Path) -> list[Option]:
    """Every option of a config group."""
    return [read_option(group, name, conf) for name in option_names(group, conf)]


def read_option(group: str, name: str, conf: Path) -> Option:
    """One option, with the classes that it inherits from the options it starts from."""
    path = conf / group / f"{name}.yaml"
    content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False) or {}
    parents = tuple(p for p in content.pop("defaults", []) if isinstance(p, str) and p != "_self_")
    parents = tuple(p for p in parents if not p.startswith("/"))
    flat = dict(_flat(content, ""))
    text = path.read_text(encoding="utf-8")
    if text.startswith(GLOBAL):  # the file speaks of other groups as well, and so names its own
        flat = {key.removeprefix(f"{group}."): value for key, value in flat.items()}
    inherited: dict[str, str] = {}
    for parent in parents:
        inherited |= read_option(group, parent, conf).targets
    own = {key.removesuffix(TARGET).rstrip("."): str(v) for key, v in flat.items() if _is_target(key)}
    stated = {key: value for key, value in flat.items() if not _is_machinery(key, value, name)}
    return Option(name, _comment(text), parents, stated, own, inherited | own)


def _flat(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, dict) or not node:
        yield prefix, node
        return
    for key, value in node.items():
        yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))


def _is_target(key: str) -> bool:
    return key.split(".")[-1] == TARGET


def _is_machinery(key: str, value: Any, name: str) -> bool:
    """Whether a key only tells Hydra what to build, or repeats the option's name."""
    last = key.split(".")[-1]
    return not last or (last.startswith("_") and last.endswith("_")) or (key == "name" and value == name)


def _comment(text: str) -> str:
    """The comment that a file begins with, on one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @"):
            lines.append(line.removeprefix("#").strip())
    return " ".join(lines)
