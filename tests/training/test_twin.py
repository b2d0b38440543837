"""The twin of a run: the training of ssl=none to the bit, made once, and the gain is over it."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from pyarrow import parquet

from metassl.errors import ConfigError
from metassl.provenance import code_hash
from metassl.training.meta_train import meta_train
from metassl.training.run import train_and_test
from metassl.training.twin import twin_key

Make = Callable[..., DictConfig]
NONE = ("ssl=none",)
U = ("ssl=soft_kmeans", "episode.unlabelled=3", "episode.distractors=1", "evaluation.twin=true")


@pytest.fixture
def make(make_config: Make) -> Make:
    return lambda *words: make_config(
        "model=protonet", "trainer.steps=4", "trainer.checkpoint_every=1", *words
    )


def run(config: DictConfig, folder: Path) -> dict:
    value = train_and_test(config, folder, {"model": "protonet", "ssl": "s"}, ["model=protonet"])
    results = json.loads((folder / "results.json").read_text())
    assert results["validation"]["mean"] == value
    return results


def weights(folder: Path, name: str) -> dict:
    return torch.load(folder / "checkpoints" / name, weights_only=True)["state_dict"]


def test_it_is_the_training_without_u(make: Make, tmp_path: Path) -> None:
    found = run(make(*U, f"paths.twin_dir={tmp_path}/elsewhere"), tmp_path / "u")
    plain = run(make(*NONE), tmp_path / "none")
    twin, best = weights(tmp_path / "u", "twin.ckpt"), weights(tmp_path / "none", "best.ckpt")
    assert twin.keys() == best.keys()
    assert all(torch.equal(twin[name], best[name]) for name in best)
    assert found["twin"] == plain["accuracy"]
    table = parquet.read_table(tmp_path / "u" / "episodes.parquet").to_pydict()
    own = parquet.read_table(tmp_path / "none" / "episodes.parquet").to_pydict()
    assert table["accuracy_twin"] == own["accuracy"]
    gain = np.mean(np.subtract(table["accuracy"], table["accuracy_twin"]))
    assert found["gain"]["mean"] == pytest.approx(gain)
    assert plain["twin"] is plain["gain"] is plain["deprived"] is plain["unbalanced"] is None


def test_runs_beside_each_other_share_it(make: Make, tmp_path: Path) -> None:
    run(make(*NONE), tmp_path / "none")
    before = set(tmp_path.glob("twins/*/"))
    for ssl in ("soft_kmeans", "sinkhorn"):  # the plain run is their twin
        run(make(*U, f"ssl={ssl}"), tmp_path / ssl)
    assert set(tmp_path.glob("twins/*/")) == before == set()
    run(make(*U, "seed=1"), tmp_path / "seed")  # another seed, another twin
    (home,) = tmp_path.glob("twins/*/")
    stamp = (home / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    run(make(*U, "seed=1", "ssl=sinkhorn"), tmp_path / "again")
    assert (home / "checkpoints" / "last.ckpt").stat().st_mtime_ns == stamp
    assert not (home / "results.json").exists()  # it is no run of its own


def test_where_none_is_to_be_trained(make: Make, tmp_path: Path) -> None:
    for word in ("train_twin=false", "twin=false"):
        results = run(make(*U, f"evaluation.{word}"), tmp_path / word)
        assert results["gain"] is results["twin"] is None
        assert results["deprived"] is not None
    run(make(*NONE), tmp_path / "none")
    assert run(make(*U, "evaluation.train_twin=false"), tmp_path / "then")["gain"] is not None


def test_an_interrupted_twin_goes_on(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(make(*U), tmp_path / "whole")
    (home,) = tmp_path.glob("twins/*/")
    config = make(*U, f"paths.twin_dir={tmp_path}/other")
    done = meta_train(config, tmp_path / "part", {}, [])

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # the run's own training has ended: only its twin meets the stop
        patch.setattr(
            "metassl.training.run.meta_train", lambda *args: done if args[0] is config else meta_train(*args)
        )
        patch.setattr("metassl.training.checkpoints.Resumable.on_validation_end", stop)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            run(config, tmp_path / "part")
    last = tmp_path / "other" / home.name / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 1  # it was to validate after the second
    with monkeypatch.context() as patch:
        patch.setattr(
            "metassl.training.run.meta_train", lambda *args: done if args[0] is config else meta_train(*args)
        )
        assert run(config, tmp_path / "part")["twin"] == whole["twin"]


def test_what_makes_two_twins_one(make: Make) -> None:
    key = twin_key(make(*U))
    same = (
        "ssl=vat", "ssl.start=0.5", "episode.unlabelled=9", "episode.test.imbalance=10", "trainer.workers=1",
        "evaluation.episodes=9", "trainer.log_every=2",
    )  # fmt: skip
    assert {twin_key(make(*U, word)) for word in same} == {key}
    other = (
        "seed=1", "model.head=null", "episode.shot=2", "episode.test.way=3", "episode.label_ratio=0.5",
        "trainer.tasks=3", "optimizer.optimizer.lr=0.1", "backbone.norm=group", "evaluation.val_episodes=3",
        "evaluation.seed=2",
    )  # fmt: skip
    keys = {twin_key(make(*U, word)) for word in other}
    assert len(keys | {key}) == len(other) + 1


def test_a_class_of_ones_own_is_part_of_what_makes_a_twin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file decides, not its name."""
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "own_for_twins.py"
    file.write_text("class Mine: pass\n")
    import_module("own_for_twins")
    before = code_hash(["own_for_twins.Mine"])
    assert code_hash(["own_for_twins.Mine"]) == before != code_hash()
    file.write_text("class Mine: value = 1\n")
    assert code_hash(["own_for_twins.Mine"]) != before


def test_the_first_validation_with_all_of_u_decides(make: Make, tmp_path: Path) -> None:
    """An earlier one says nothing about U; the untrained network is a candidate."""
    words = (
        "ssl.start=0.5",
        "ssl.ramp=0.25",
        "trainer.steps=8",
        "trainer.val_every=1",
        "evaluation.twin=false",
        "backbone.norm=group",
    )
    for rate, allowed in ((1e-3, {0, 6, 7, 8}), (1e-30, {0})):
        results = run(make(*U, *words, f"optimizer.optimizer.lr={rate}"), tmp_path / str(rate))
        assert results["validation"]["step"] in allowed
    assert run(make(*U, *words, "ssl.at=test"), tmp_path / "test")["validation"]["step"] in range(9)


def test_unbalanced_u_is_a_second_test(make: Make, tmp_path: Path) -> None:
    words = ("episode.distractors=0", "episode.unlabelled=6", "evaluation.twin=true")
    found = run(make(*U, *words, "evaluation.imbalance=6"), tmp_path / "one")["unbalanced"]
    direct = run(make(*U, *words, "episode.test.imbalance=6", "evaluation.imbalance=6"), tmp_path / "two")
    assert found["imbalance"] == 6
    assert found["gain"] == direct["gain"]
    assert abs(found["gain"]["mean"]) > 0
    assert found["accuracy"] == direct["accuracy"]  # the same weights: validation has no part in 4 steps
    assert direct["unbalanced"] is None  # it is so anyway
    with pytest.raises(ConfigError, match=r"evaluation\.imbalance: found 0.5"):
        run(make(*U, "evaluation.imbalance=0.5"), tmp_path / "wrong")
