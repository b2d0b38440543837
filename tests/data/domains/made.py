"""Made domains whose rows say which they are: domain, class and number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.domains.contents import of_rows
from metassl.data.domains.spec import DomainSpec, domain_spec
from metassl.data.domains.tasks import Domains, DomainTasks
from metassl.data.pool import Contents
from metassl.data.store import load

NAMES, CLASSES = ("ant", "bee", "cat", "dog"), 6
SIZES = (20, 24, 30, 16)  # rows of a class: of the first of a domain; the k-th class has k more
MAKE_UP = {
    "way": 3, "shot": 2, "queries": 3, "unlabelled": 4, "target_shot": 0, "sources": 1, "unlabelled_from": "target",
    "transductive": False, "label_order": "random",
}  # fmt: skip


def rows_of(domain: int) -> tuple[np.ndarray, np.ndarray]:
    """[n, 3] domain, class and number of each row, and the names of the classes."""
    sizes = [SIZES[domain] + k for k in range(CLASSES)]
    y = np.repeat(np.arange(CLASSES), sizes)
    number = np.concatenate([np.arange(n) for n in sizes])
    return np.stack((np.full(len(y), domain), y, number), axis=1).astype(np.float32), y.astype(str)


@dataclass(frozen=True)
class Made:
    """A source of four domains."""

    name: str = "made"
    names: Sequence[str] = NAMES

    def fingerprint(self) -> Mapping[str, Any]:
        return {"names": list(self.names)}

    def read(self) -> Contents:
        return of_rows("made", {name: rows_of(k) for k, name in enumerate(self.names)}, "refuse", {})


def spec(**changes: object) -> DomainSpec:
    return domain_spec({**MAKE_UP, **changes})


def tasks(folder: Path, **options: Any) -> DomainTasks:
    made = Domains(Made(), **{"test_domains": ["cat"], "val_domains": ["dog"], **options})
    return made.prepared(lambda source: load(source, folder, progress=False))  # type: ignore[return-value]
