"""Whether domains can supply the episodes that are asked of them."""

import numpy as np

from metassl.data.domains.contents import DomainPool
from metassl.data.domains.spec import ALL, DomainSpec
from metassl.errors import ConfigError


def check_enough(
    pool: DomainPool, sources: np.ndarray, targets: np.ndarray, spec: DomainSpec, sets: int, split: str
) -> None:
    """Raise ConfigError, with the class, the domain and its count, when `spec` asks for more than there is.

    Args:
        pool: the classes of the split.
        sources, targets: numbers of the domains that S, and that Q may be of.
        spec: the make-up of an episode.
        sets: 1, or 2 when the outer loss draws unlabelled rows of its own.
        split: for the message.
    """
    have = len(pool.class_names)
    if spec.way > have:
        raise ConfigError(f"episode.way: found {spec.way}, split '{split}' has {have} classes.")
    if spec.label_order == "fixed" and spec.way != have:
        raise ConfigError(
            f"episode.label_order: found 'fixed' with way {spec.way}, where split '{split}' has {have} "
            f"classes; allowed is a task of all of them, episode.way={have}."
        )
    free, away = sets * spec.drawn, sets * spec.drawn_of_sources
    shot = 1 if spec.shot == ALL else int(spec.shot)
    queries = 1 if spec.queries == ALL else int(spec.queries)
    asked = f"shot {spec.shot}" + (f" + unlabelled {away}" if away else "")
    _enough_rows(pool, sources, shot + away, asked, "source", split)
    asked = (f"target_shot {spec.target_shot} + " if spec.target_shot else "") + f"queries {spec.queries}"
    asked += f" + unlabelled {free}" if free else ""
    _enough_rows(pool, targets, spec.target_shot + queries + free, asked, "target", split)


def _enough_rows(pool: DomainPool, domains: np.ndarray, need: int, asked: str, role: str, split: str) -> None:
    counts = pool.counts[domains]
    row, column = np.unravel_index(int(counts.argmin()), counts.shape)
    if counts[row, column] < need:
        domain, name = pool.domain_names[int(domains[row])], pool.class_names[int(column)]
        raise ConfigError(
            f"episode: {asked} needs {need} rows a class of a {role} domain, class '{name}' "
            f"of domain '{domain}' in split '{split}' has {int(counts[row, column])}."
        )
