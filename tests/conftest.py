"""A tiny data set and ways to compose a config, shared by the tests."""

import gc
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra._internal.config_repository import ConfigRepository
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, open_dict

from metassl.data.pool import Contents, Pool, split_pool
from tests.support.composing import composed

ROOT = Path(__file__).parent.parent
CONF = ROOT / "conf"
TINY = (
    "trainer.steps=2", "trainer.val_every=2", "trainer.tasks=2", "trainer.accelerator=cpu",
    "trainer.progress=false", "evaluation.episodes=4", "evaluation.baseline_episodes=2",
    "evaluation.val_episodes=4", "evaluation.tasks=2", "ssl.start=0", "ssl.ramp=0",
    "evaluation.twin=false", "evaluation.imbalance=1",
)  # fmt: skip
SMALL_NETWORK = ("backbone.filters=4", "backbone.depth=2")  # deeper ones: tests/backbones, tests/golden


@pytest.fixture(scope="session", autouse=True)
def _config_files_are_parsed_once() -> Iterator[None]:
    """Reading YAML is half of the time that Hydra takes for a config, and the tests compose thousands.

    Patched is the class that holds the sources: those are imported anew when Hydra looks for plug-ins.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConfigRepository, "load_config", _reading_once(ConfigRepository.load_config))
        yield


def _reading_once(load: Callable[[ConfigRepository, str], ConfigResult | None]) -> Callable[..., Any]:
    """The same, with what is read once kept; a file that changed, or came to be, is read again."""
    known: dict[tuple[object, ...], bytes] = {}

    def load_config(self: ConfigRepository, config_path: str) -> ConfigResult | None:
        name = config_path.removesuffix(".yaml") + ".yaml"
        key = (config_path, *((source.path, _changed(source, name)) for source in self.sources))
        if key not in known:
            known[key] = pickle.dumps(load(self, config_path))
        found = pickle.loads(known[key])
        assert found is None or isinstance(found, ConfigResult)
        return found

    return load_config


def _changed(source: ConfigSource, name: str) -> int:
    """When the file of this name was changed; 0 where the source has none, or is no folder."""
    try:
        return os.stat(os.path.join(source.path, name)).st_mtime_ns if source.scheme() == "file" else 0
    except OSError:
        return 0


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported by now stays: the garbage collector would walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # a config is a hundred small circles, and the collector's own 700 soon made


def pytest_unconfigure() -> None:
    """What was frozen is never taken down, and libraries of C++ complain of leaks."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_written_beside_real_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """By default data are prepared below METASSL_DATA_DIR, which may be a folder that others share.

    The processes of a test session share what they prepare, which takes as long as many tests.
    """
    own = tmp_path_factory.getbasetemp()
    whole = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METASSL_CACHE_DIR", str(whole / "prepared"))
        patch.delenv("METASSL_TWIN_DIR", raising=False)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, with Omniglot in it; without one the test is skipped."""
    folder = Path(os.environ.get("METASSL_DATA_DIR", ""))
    if "METASSL_DATA_DIR" not in os.environ or not (folder / "omniglot" / "images_background.zip").exists():
        pytest.skip("METASSL_DATA_DIR is unset or has no omniglot/images_background.zip")
    return folder


@pytest.fixture(scope="session")
def tiny_arrays() -> dict[str, np.ndarray]:
    """40 classes of 20 images, 16×16×1: a fixed random pattern a class, plus noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 256, (40, 1, 16, 16, 1))
    noise = rng.normal(0, 40, (40, 20, 16, 16, 1))
    images = np.clip(patterns + noise, 0, 255).astype(np.uint8).reshape(-1, 16, 16, 1)
    return {"images": images, "labels": np.repeat(np.arange(40), 20)}


@pytest.fixture(scope="session")
def tiny_npz(tiny_arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set as a file."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.npz"
    np.savez(path, **tiny_arrays)
    return path


@pytest.fixture(scope="session")
def tiny_pool(tiny_arrays: dict[str, np.ndarray]) -> Pool:
    """The tiny data set as one pool."""
    contents = Contents(
        tiny_arrays["images"], np.full(40, 20), [f"c{k}" for k in range(40)], {"train": range(40)}, {}
    )
    return split_pool(contents, "train")


@pytest.fixture
def make_config(tiny_npz: Path, tmp_path: Path) -> Callable[..., DictConfig]:
    """Composes the config of a tiny run on the tiny data set; later words win."""
    common = [*TINY, f"paths.cache_dir={tmp_path / 'cache'}"]
    data = ["dataset=arrays", f"dataset.source.path={tiny_npz}"]

    def make(*words: str) -> DictConfig:
        embedded = {"dataset=curves", "dataset=domains", "dataset=prior", "dataset=tastes"} & {*words}
        embedded = embedded or any(w.startswith("experiment=curves/") for w in words)
        other = any(w.startswith("backbone=") and w != "backbone=conv4" for w in words)
        other |= "dataset=text" in words  # which brings a network of its own
        base = [*([] if embedded else data), *([] if embedded or other else SMALL_NETWORK), *common]
        config = composed(*base, *words)
        with open_dict(config):
            config.paths.output_dir = str(tmp_path / "run")
        return config

    return make
