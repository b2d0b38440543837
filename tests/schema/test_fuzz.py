"""Mistakes by the hundred, made from the schema itself: each is one line that names the key, and nothing else."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

import metassl.cli.train as door
from metassl.cli import composing
from metassl.cli.choices import Options
from metassl.cli.main import run
from metassl.errors import ConfigError
from metassl.schema.check import check_config
from metassl.schema.plain import plain_values
from tests.conftest import CONF
from tests.support.conf_trees import files, tree
from tests.support.declared import declared
from tests.support.mistakes import KINDS, mistakes

# configs whose keys are those of most of what there is
BASES = (
    (),
    ("model=nearest_task", "ssl=gmm", "dataset=omniglot", "engine=auto", "logger=tensorboard"),
    ("model=leo", "ssl=reweight", "dataset=curves"),
    ("model=cnaps", "ssl=alpha_tim", "backbone=resnet12", "dataset=mini_imagenet"),
)
SHARE = 4  # every fourth mistake goes through the whole command, all through the check


class RememberedOptions(Options):
    """The groups of conf/, each asked for once."""

    def __init__(self) -> None:
        super().__init__(CONF)
        self.of = cache(super().of)  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra takes a tenth of a second for a config; here a key is changed in one that is there."""
    original, options = composing._compose, RememberedOptions()
    once = cache(lambda *words: original(list(words)))

    def changed(words: list[str]) -> DictConfig:
        keys = [word for word in words if "." in word.split("=")[0]]
        config = once(*(word for word in words if word not in keys))
        if keys:
            config = config.copy()
            with open_dict(config):
                for override in OverridesParser.create().parse_overrides(keys):
                    OmegaConf.update(config, override.key_or_group, override.value())
        return config

    monkeypatch.setattr(composing, "_compose", changed)
    monkeypatch.setattr(composing, "Options", lambda conf, words: options)


@cache
def all_mistakes() -> list[tuple[tuple[str, ...], str, str, str]]:
    """(words of the base, kind, key, wrong value), each argument of a class once."""
    seen: set[tuple[str, str]] = set()
    found = []
    for words in BASES:
        config = composing.compose_config(list(words), CONF)
        for each in declared(plain_values(config)[0]):
            if each.owner not in seen and not _within_a_reference(config, each.key):
                seen.add(each.owner)
                found += [(words, kind, each.key, wrong) for kind, wrong in mistakes(each.hint)]
    return found


def _within_a_reference(config: DictConfig, key: str) -> bool:
    """Such a key is one of what is referred to, and is changed there."""
    above = key.split(".")[:-1]
    return any(OmegaConf.is_interpolation(OmegaConf.select(config, ".".join(above[:i])) if i else config, name)
               for i, name in enumerate(above))  # fmt: skip


def test_a_mistake_of_every_kind_is_one_line_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[str] = []
    monkeypatch.setattr(door, "run_job", lambda *_: started.append("job"))
    monkeypatch.chdir(tmp_path)
    tried, wrong = Counter[str](), list[str]()
    for words, kind, key, value in all_mistakes()[::SHARE]:
        monkeypatch.setattr("sys.argv", ["metassl"])
        code, said = run(["train", *words, f"{key}={value}"]), capsys.readouterr().err
        tried[kind] += 1
        good = code == 2 and said.count("\n") == 1 and said.startswith("error: ") and key in said
        if not good or started or any(tmp_path.iterdir()):
            wrong.append(f"{kind}: {key}={value}: exit code {code}, {said!r}")
            started.clear()
    assert not wrong, "\n".join(wrong)
    assert set(tried) == set(KINDS)
    assert tried.total() >= 300, tried
    print(dict(tried))


def test_a_mistake_in_any_key_of_conf_is_found() -> None:
    """The same without the command line, for every argument of every class that conf/ names."""
    tried, accepted, seen = Counter[str](), list[str](), set[tuple[str, str]]()
    for values in map(tree, files()):
        for each in list(declared(values)):
            if each.owner in seen or each.key == "launcher":  # which is no section of a run
                continue
            seen.add(each.owner)
            for kind, key, value, changed in _changed(values, each.key, each.hint):
                tried[kind] += 1
                said = _said(changed)
                if said is None or key not in said or "\n" in said:
                    accepted.append(f"{kind}: {key}={value}: {said}")
    assert not accepted, "\n".join(accepted)
    print(dict(tried))


def _said(values: dict[str, Any]) -> str | None:
    try:
        check_config(values)
    except ConfigError as error:
        return str(error)
    return None


def _changed(values: dict[str, Any], key: str, hint: Any) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Kind, key, word and the values with that mistake in them."""
    for kind, word in mistakes(hint):
        wrong = OverridesParser.create().parse_override(f"key={word}").value()
        *above, last = key.split(".")
        changed: Any = dict(values)
        node = changed
        for name in above:
            node[name] = dict(node[name])
            node = node[name]
        node[last] = wrong
        yield kind, key, word, changed
