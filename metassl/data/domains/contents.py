"""The classes that several domains share, as one array.

Legend: D domains, C classes that all of them have, n rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from metassl.data.pool import Contents
from metassl.errors import ConfigError, DataError, one_of

Uncommon = Literal["leave_out", "refuse"]


def common_classes(
    where: str,
    found: Mapping[str, Sequence[str]],
    uncommon: Uncommon,
    key: str = "dataset.source.files.uncommon",
) -> list[str]:
    """The classes that all domains have, sorted.

    Args:
        where: opens the line of an error, such as the folder.
        found: domain -> its classes.
        uncommon: leave out what a domain lacks, or refuse it.
        key: of that option.

    Raises:
        DataError: fewer than two domains or common classes, a domain without any row, or, where that is
            refused, a domain that lacks a class.
    """
    if len(found) < 2:
        raise DataError(f"{where}: found {len(found)} domain, at least 2 are needed.")
    for domain, classes in found.items():
        if not classes:
            raise DataError(f"{where}: domain '{domain}' has no rows, at least 1 of each class is needed.")
    every = sorted(set().union(*found.values()))
    common = [name for name in every if all(name in classes for classes in found.values())]
    lacking = next(
        ((domain, name) for name in every for domain, classes in found.items() if name not in classes), None
    )
    if lacking is not None and (uncommon == "refuse" or len(common) < 2):
        domain, name = lacking
        remedy = f"; {key}=leave_out takes those" if len(common) > 1 else ", at least 2 are needed"
        raise DataError(
            f"{where}: domain '{domain}' has no class '{name}', which others have; all {len(found)} domains "
            f"have {len(common)} of {len(every)} classes in common{remedy}."
        )
    if len(common) < 2:
        raise DataError(f"{where}: found {len(common)} class, at least 2 are needed.")
    return common


def said(found: Mapping[str, Sequence[str]], classes: Sequence[str]) -> str:
    """How many of the classes of all domains are in common, for people."""
    return f"{len(found)} domains, {len(classes)} of {len(set().union(*found.values()))} classes in common"


def of_rows(
    where: str,
    rows: Mapping[str, tuple[np.ndarray, np.ndarray]],
    uncommon: Uncommon,
    meta: Mapping[str, Any],
) -> Contents:
    """Domain -> (rows [n, ...], names of their classes [n]) as contents of the classes in common.

    Raises:
        DataError: as `common_classes`, or for domains whose rows are of different shapes or types.
    """
    first, *others = rows
    for domain in others:
        one, other = rows[first][0], rows[domain][0]
        if (one.shape[1:], one.dtype) != (other.shape[1:], other.dtype):
            raise DataError(
                f"{where}: domain '{first}' has rows of {one.dtype} {list(one.shape[1:])}, '{domain}' of "
                f"{other.dtype} {list(other.shape[1:])}; allowed is one shape for all."
            )
    found = {domain: np.unique(y).tolist() for domain, (_, y) in rows.items()}
    classes = common_classes(where, found, uncommon)
    meta = {"said": said(found, classes), **meta}
    cells = [x[y == name] for x, y in rows.values() for name in classes]
    counts = [len(cell) for cell in cells]
    return described(np.concatenate(cells), counts, list(rows), classes, meta)


def described(
    items: np.ndarray,
    counts: Sequence[int],
    domains: Sequence[str],
    classes: Sequence[str],
    meta: Mapping[str, Any],
) -> Contents:
    """Contents whose "classes" are D·C pairs: all classes of a domain, domain after domain.

    Every domain has the same classes. No pair is in a split: what is held out is said elsewhere.
    """
    names = [f"{domain}/{name}" for domain in domains for name in classes]
    meta = {"domains": list(domains), "classes": list(classes), **meta}
    return Contents(items, np.array(counts, np.int64), names, {}, meta)


@dataclass(frozen=True)
class DomainPool:
    """Some classes of all domains.

    Attributes:
        items: [n, ...] of all domains and classes (memory-mapped, shared).
        starts, counts: [D, C] row of the first item of a class in a domain, and how many there are.
        domain_names: D names.
        class_names: C names.
        class_ids: [C] index of each class among those that the domains share.
    """

    items: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    domain_names: Sequence[str]
    class_names: Sequence[str]
    class_ids: np.ndarray


def domain_pool(contents: Contents, classes: Sequence[int]) -> DomainPool:
    """The pool of these classes of what `described` gave."""
    domains, names = contents.meta["domains"], contents.meta["classes"]
    counts = np.asarray(contents.counts, np.int64)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    ids = np.asarray(classes, np.int64)
    grid = (len(domains), len(names))
    return DomainPool(
        contents.items,
        starts.reshape(grid)[:, ids],
        counts.reshape(grid)[:, ids],
        domains,
        [names[int(k)] for k in ids],
        ids,
    )


def numbers_of(key: str, names: Sequence[str], known: Sequence[str]) -> list[int]:
    """The places of domains in `known`; ConfigError names `key` for one that is not there, or twice."""
    for name in names:
        if name not in known:
            raise ConfigError(one_of(key, name, known))
        if list(names).count(name) > 1:
            raise ConfigError(f"{key}: found '{name}' twice, allowed is each once.")
    return [list(known).index(name) for name in names]
