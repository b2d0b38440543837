"""CIFAR-100 in its two splits, as one."""

from pathlib import Path

import pytest

from metassl.data.images.cifar import FC100, CifarFS
from metassl.data.mixture.tasks import Mixture, MixtureTasks
from metassl.data.pool import SPLITS
from metassl.data.store import load
from tests.data.mixture.made import spec

PAIR = ("cifar_fs", "fc100")


@pytest.fixture(scope="module")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> MixtureTasks:
    folder = tmp_path_factory.mktemp("real")
    if not (real_data / "cifar_fs").exists() and not (real_data / "cifar-100-python").exists():
        pytest.skip("METASSL_DATA_DIR has no CIFAR-100")
    made = Mixture(
        {"cifar_fs": CifarFS(real_data, False), "fc100": FC100(real_data, False)}, PAIR, ["plain", "pencil"]
    )
    return made.prepared(lambda source: load(source, folder, progress=False))  # type: ignore[return-value]


def test_photographs_of_two_splits_are_kept_apart(real: MixtureTasks) -> None:
    sizes = {name: [len(real.pools(name, split)[0].counts) for split in SPLITS] for name in PAIR}
    assert sizes == {"cifar_fs": [40, 12, 20], "fc100": [40, 16, 20]}
    names = {
        split: {name.split("/")[1] for member in PAIR for name in real.pools(member, split)[0].class_names}
        for split in SPLITS
    }
    assert len(names["test"]) == 35
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not names[one] & names[other]
    assert real.contents.meta["left_out"] == {
        "cifar_fs": {"train": 24, "val": 4}, "fc100": {"train": 20, "val": 4},
    }  # fmt: skip


def test_draws_from_all(real: MixtureTasks) -> None:
    draw = real.sampler(spec(), 0, "test", False)(range(30))
    assert set(draw.family) == set(range(4))
    assert real.items().shape[1:] == (32, 32, 3)
