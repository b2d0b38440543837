"""What an episode between domains looks like, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metassl.data.low_quality.quality import CLEAN, Quality, take_quality
from metassl.data.spec import to_count
from metassl.errors import ConfigError
from metassl.schema.check import check_group
from metassl.schema.groups.episode import EpisodeKeys

All = Literal["all"]
ALL: All = "all"
OWN = ("target_shot", "sources", "unlabelled_from", "label_order")


@dataclass(frozen=True)
class DomainSpec:
    """The make-up of an episode between domains.

    Attributes:
        way: N classes.
        shot: labelled rows a class of each source domain, or all of them.
        queries: query rows a class, of the target domain, or all that are not in S.
        unlabelled: M, unlabelled rows a class.
        target_shot: labelled rows a class of the target domain, beside those of the sources.
        sources: source domains of a task.
        unlabelled_from: where U is from: "target", or "both", that is M rows a class of the target and as
            many of each source.
        transductive: U is Q without its labels.
        label_order: "random", or "fixed": label k is class k in every task.
        quality: what is wrong with labels and inputs.
    """

    way: int
    shot: int | All
    queries: int | All
    unlabelled: int
    target_shot: int
    sources: int
    unlabelled_from: Literal["target", "both"]
    transductive: bool
    label_order: Literal["random", "fixed"]
    quality: Quality = CLEAN

    @property
    def padded(self) -> bool:
        """Whether classes have as many rows as there are, so that some places are padding."""
        return ALL in (self.shot, self.queries)

    @property
    def drawn(self) -> int:
        """M, or 0 where U is Q."""
        return 0 if self.transductive else self.unlabelled

    @property
    def drawn_of_sources(self) -> int:
        """Unlabelled rows a class of each source domain."""
        return self.drawn if self.unlabelled_from == "both" else 0

    def described(self) -> dict[str, Any]:
        """See MakeUp."""
        return {
            "way": self.way,
            "shot": self.shot,
            "queries": self.queries,
            "unlabelled": "queries" if self.transductive else self.unlabelled,
            "target_shot": self.target_shot,
            "sources": self.sources,
            "unlabelled_from": self.unlabelled_from,
            "label_order": self.label_order,
            **self.quality.described(),
        }

    def sentence(self) -> str:
        """For people."""
        where = "the target" if self.unlabelled_from == "target" else "target and sources"
        unlabelled = "U the queries" if self.transductive else f"{self.unlabelled} unlabelled of {where}"
        more = f" and {self.target_shot} of the target" if self.target_shot else ""
        domains = "source domain" if self.sources == 1 else f"each of {self.sources} source domains"
        return (
            f"{self.way}-way, a class: {self.shot} labelled of the {domains}{more}, {unlabelled}, "
            f"{self.queries} queries of the target{self.quality.sentence()}"
        )


def domain_spec(values: Mapping[str, Any], prefix: str = "episode") -> DomainSpec:
    """A DomainSpec from plain config values.

    Raises:
        ConfigError: names the key that is wrong, or says that the episode is not one between domains.
    """
    made = check_group(EpisodeKeys, prefix, values)
    missing = [key for key in OWN if key not in made]
    if missing:
        raise ConfigError(
            f"{prefix}.{missing[0]}: found none, as in an episode within one data set; allowed with domains "
            "is episode=domains."
        )
    for key, least in (("way", 2), ("shot", 1)):
        if made[key] != ALL or key == "way":
            to_count(f"{prefix}.{key}", made[key], least)
    quality = take_quality(made)
    spec = DomainSpec(**made, quality=quality)
    _check(spec, prefix)
    return spec


def both_specs(train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[DomainSpec, DomainSpec]:
    """Of training, and of validation and test."""
    return domain_spec(train), domain_spec({**train, **changes}, "episode.test")


def _check(spec: DomainSpec, prefix: str) -> None:
    """Raises ConfigError for options that leave nothing of what another one asks for."""
    if spec.queries == ALL and spec.drawn:
        raise ConfigError(
            f"{prefix}.unlabelled: found {spec.unlabelled} beside queries=all, which leaves no row of the "
            "target for U; allowed are unlabelled=0 and transductive=true."
        )
    if spec.shot == ALL and spec.drawn_of_sources:
        raise ConfigError(
            f"{prefix}.unlabelled_from: found 'both' beside shot=all, which leaves no row of a source for U; "
            "allowed is target."
        )
    if spec.transductive and spec.unlabelled_from == "both":
        raise ConfigError(
            f"{prefix}.unlabelled_from: found 'both' beside transductive=true, where U is the queries; "
            "allowed is target."
        )
