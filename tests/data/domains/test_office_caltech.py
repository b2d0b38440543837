"""The published figures of one nearest neighbour, on the real files."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from metassl.data.domains.contents import domain_pool
from metassl.data.domains.office_caltech import FOLDER, OfficeCaltech10
from metassl.data.domains.tasks import Domains
from metassl.data.store import load
from tests.data.domains.made import MAKE_UP

# jindongwang/transferlearning, data/benchmark.md
PUBLISHED = {
    "CA": 23.70, "CW": 25.76, "CD": 25.48, "AC": 26.00, "AW": 29.83, "AD": 25.48, "WC": 19.86, "WA": 22.96,
    "WD": 59.24, "DC": 26.27, "DA": 28.50, "DW": 63.39,
}  # fmt: skip
LETTER = {"A": "amazon", "C": "caltech", "D": "dslr", "W": "webcam"}


@pytest.fixture(scope="module")
def office() -> OfficeCaltech10:
    folder = os.environ.get("METASSL_DATA_DIR", "")
    if not folder or not (Path(folder) / FOLDER).is_dir():
        pytest.skip(f"METASSL_DATA_DIR is unset or has no {FOLDER}")
    return OfficeCaltech10(folder)


def test_one_nearest_neighbour_gives_the_published_figures(office: OfficeCaltech10, tmp_path: Path) -> None:
    found = {}
    for pair in PUBLISHED:
        source, target = (LETTER[letter] for letter in pair)
        made = Domains(office, test_pair=(source, target)).prepared(
            lambda source: load(source, tmp_path, progress=False)
        )
        changes = {"way": 10, "shot": "all", "queries": "all", "unlabelled": 0, "transductive": True}
        make_up = made.make_ups({**MAKE_UP, **changes}, {})[1]
        draw = made.sampler(make_up, 0, "test", False)(range(1))
        s, q = draw.support_weight[0], draw.query_weight[0]
        near = KNeighborsClassifier(1).fit(made.items()[draw.support[0][s]], draw.support_y[0][s])
        found[pair] = round(100 * near.score(made.items()[draw.query[0][q]], draw.query_y[0][q]), 2)
    assert found == PUBLISHED
    assert round(float(np.mean(list(found.values()))), 2) == 31.37


def test_the_domains_have_their_published_sizes(office: OfficeCaltech10) -> None:
    contents = office.read()
    assert domain_pool(contents, range(10)).counts.sum(1).tolist() == [958, 1123, 157, 295]
    assert contents.items.shape[1:] == (800,)
