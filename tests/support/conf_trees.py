"""The files of conf/ as they are written, a tree each, without the time that Hydra takes to compose them."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tests.conftest import CONF

USUAL = {"backbone": "conv4", "model": "maml"}


def files() -> list[Path]:
    return sorted(path for path in CONF.rglob("*.yaml") if not path.is_relative_to(CONF / "search"))


def tree(path: Path) -> dict[str, Any]:
    """The keys of a file in the place of a config where they end up, with those of the files it begins with.

    A file that changes a key of a backbone or a model that it doesn't choose changes one of the default's.
    Left out are references, and what has no value yet.
    """
    found = merged(path)
    for group, option in USUAL.items():
        if group in found and "_target_" not in found[group]:
            found = OmegaConf.unsafe_merge(merged(CONF / group / f"{option}.yaml"), found)  # type: ignore[assignment]
    plain = _without_references(OmegaConf.to_container(found, resolve=False))
    assert isinstance(plain, dict)
    return plain


def merged(path: Path) -> Any:
    """The options that a file chooses, then what it says itself."""
    choices, content = _read(path)
    found = OmegaConf.create({})
    for place, option in choices.items():
        group, _, at = place.partition("@")
        chosen = merged(CONF / group / f"{option}.yaml")
        inner = OmegaConf.create({group: {at: chosen[group]}}) if at and at[0] != "_" else chosen
        if group in ("features", "backbone") and group in found:  # chosen again: nothing is left of the first
            del found[group]
        found = OmegaConf.unsafe_merge(found, inner)  # type: ignore[assignment]
    return OmegaConf.unsafe_merge(found, content)


def _read(path: Path) -> tuple[dict[str, str], Any]:
    """{group: option} of a file and of those that it begins with, whose choices it may change; and its keys."""
    content = OmegaConf.load(path)
    assert isinstance(content, DictConfig)
    choices: dict[str, str] = {}
    begun = OmegaConf.create({})
    entries = content.pop("defaults", [])
    for entry in entries if path.parent != CONF else ():
        if isinstance(entry, str) and entry != "_self_":
            file = path.parent / entry if not entry.startswith("/") else CONF / entry[1:]
            earlier, keys = _read(Path(f"{file}.yaml"))
            choices |= earlier
            begun = OmegaConf.unsafe_merge(begun, keys)  # type: ignore[assignment]
        elif not isinstance(entry, str):
            for key, option in entry.items():
                group = str(key).removeprefix("override ").lstrip("/")
                choices.pop(group, None)  # what is chosen again comes after what chose it before
                choices[group] = option
    content.pop("hydra", None)
    if path.parent != CONF and "@package _global_" not in path.read_text():
        content = OmegaConf.create({path.relative_to(CONF).parts[0]: content})
    return choices, OmegaConf.unsafe_merge(begun, content)


def _without_references(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {key: value for key, value in node.items() if not _open(value)}
        return {key: _without_references(value) for key, value in kept.items()}
    if isinstance(node, list):
        return [_without_references(value) for value in node]
    return node


def _open(value: Any) -> bool:
    return isinstance(value, str) and (value == "???" or "${" in value)
