"""The space of a search: the words of the line, and what stands ready for the pair."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from metassl.cli.choices import Options
from metassl.cli.composing import compose_config
from metassl.cli.own_configs import own_folders
from metassl.cli.search_options import SearchOptions, fixed_keys
from metassl.errors import ConfigError
from metassl.quick_imports import quick_imports
from metassl.schema.faults import shown
from metassl.search.grammar import parse_space_words
from metassl.search.ready_made import ready_made
from metassl.search.space import Parameter, parameter
from metassl.shipped import conf_folder

PAIR = ("model", "ssl")
TUNABLE = (
    "model", "ssl", "backbone", "optimizer", "engine", "trainer", "episode", "behind", "distance",
    "start_distance", "classifier",
)  # fmt: skip
BUDGET = ("trainer.steps", "trainer.val_every", "trainer.devices", "trainer.accelerator")


class Space:
    """What is searched, and the configs that it leads to.

    Attributes:
        parameters: its keys.
        config: of the words alone, with all defaults.
        base: of a trial with the first value of every key.

    Raises:
        ConfigError: a key that there is not, bounds that it can't have, a key that changes nothing.
    """

    def __init__(self, options: SearchOptions) -> None:
        self.words, self.conf = options.words, conf_folder()
        self.config = compose_config(self.words, self.conf)
        typed = [self._parameter(override, options.search) for override in options.swept]
        for each in typed:
            self._check_tunable(each)
        ready = self._ready(options) if options.ready else []
        keys = {each.key for each in typed}
        if len(keys) < len(typed):
            raise ConfigError(f"{typed[-1].key}: is given twice, allowed is one space for a key.")
        self.parameters = [*(each for each in ready if each.key not in keys), *typed]
        self._check_any(options)
        self.base = compose_config([*self.words, *(each.word(each.ends[0]) for each in typed)], self.conf)
        self._check(typed)

    def variant(self, changed: Parameter, value: Any) -> DictConfig:
        """The config of a trial with this value, and the first value of every other key."""
        if self.is_group(changed.key):
            firsts = [each.word(each.ends[0]) for each in self.parameters if each is not changed]
            return compose_config([*self.words, *firsts, changed.word(value)], self.conf)
        config = self.base.copy()
        put(config, changed, value)
        return config

    def _alone(self, changed: Parameter, value: Any) -> DictConfig:
        """The config with this value and every other default, so that a fault is this key's own."""
        if self.is_group(changed.key):
            return compose_config([*self.words, changed.word(value)], self.conf)
        config = self.config.copy()
        put(config, changed, value)
        return config

    def default(self, key: str) -> str:
        """What a key is where nobody searches, as a page shows it."""
        if self.is_group(key):
            return str(self.config.hydra.runtime.choices.get(key, "null"))
        return shown(OmegaConf.select(self.config, key)).strip("'")

    def _parameter(self, override: Override, search: Sequence[str]) -> Parameter:
        key = override.key_or_group
        options = [] if "." in key else Options(self.conf, search).of(key)
        return parameter(override, options)

    def _ready(self, options: SearchOptions) -> list[Parameter]:
        """The ready-made keys that the config has and the line does not fix."""
        chosen = {str(k): str(v) for k, v in self.config.hydra.runtime.choices.items()}
        texts = ready_made(chosen, [self.conf, *own_folders(options.search)])
        fixed = fixed_keys(self.words)
        kept = {
            key: text
            for key, text in texts.items()
            if key not in fixed and OmegaConf.select(self.config, key, default=self) is not self
        }
        return [parameter(word) for word in parse_space_words([f"{k}={v}" for k, v in kept.items()])]

    def _check_tunable(self, each: Parameter) -> None:
        """All trials meet the same tasks, within the same budget."""
        key, root = each.key, each.key.split(".")[0].split("@")[0]
        if key in PAIR:
            raise ConfigError(
                f"{key}: found {each.text}; a search tunes one pair, metassl map compares pairs."
            )
        known = {*self.config, *self.config.hydra.runtime.choices}
        if root not in TUNABLE and root in known:
            raise ConfigError(
                f"{key}: can't be searched, for all trials meet the same tasks and are judged alike. Allowed "
                f"are keys of {', '.join(TUNABLE)}."
            )
        if key in BUDGET:
            raise ConfigError(f"{key}: can't be searched, for all trials have the same budget.")
        _, _, name = key.partition("episode.")
        at_test = self.config.episode.test
        if name and name in at_test and at_test[name] is None:
            raise ConfigError(
                f"{key}: would change the validation tasks, too. Give episode.test.{name}=..., so that all "
                "trials meet the same."
            )
        if root == "episode" and name not in at_test and name not in ("label_ratio", "label_seed"):
            raise ConfigError(f"{key}: can't be searched, for all trials meet the same tasks.")

    def _check_any(self, options: SearchOptions) -> None:
        if not self.parameters:
            choices = self.config.hydra.runtime.choices
            why = "" if options.ready else " with ready=false"
            raise ConfigError(
                f"search: nothing to search. Nothing stands ready for model={choices.model} "
                f"ssl={choices.ssl}{why}, and no word of the line has an interval, such as "
                "'optimizer.optimizer.lr=log_interval(0.0003,0.03)'."
            )

    def _check(self, typed: Sequence[Parameter]) -> None:
        """Every value must be one of its key, and every key must change something."""
        with quick_imports():  # of the classes that the config names
            from metassl.search.checks import check_ranges, useless
            from metassl.training.build import build_source
        for each in self.parameters:
            if not self.is_group(each.key):
                put(self.base, each, each.ends[0])
        check_ranges(self.parameters, self._alone)
        lines = useless(self.parameters, self.base, self.variant, build_source(self.base))
        for each in typed:
            if each.key in lines:
                raise ConfigError(f"{each.key}={each.text}: has no effect here: {lines[each.key]}")
        self.parameters = [each for each in self.parameters if each.key not in lines]
        if not self.parameters:
            raise ConfigError("search: nothing to search, for no key of the ready-made space has an effect.")

    def is_group(self, key: str) -> bool:
        """Whether a key picks a file of a config group."""
        groups: Mapping[str, Any] = self.config.hydra.runtime.choices
        return key in groups or "@" in key or "/" in key


def put(config: DictConfig, parameter: Parameter, value: Any) -> None:
    """Gives a key of a config a value, as the word would."""
    (word,) = parse_space_words([parameter.word(value)])
    OmegaConf.update(config, parameter.key, word.value())
