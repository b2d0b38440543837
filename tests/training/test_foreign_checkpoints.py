"""A checkpoint may come from a stranger: it runs no code, and what is wrong with it is one line."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from metassl.checkpoint_file import read_checkpoint
from metassl.errors import UserError
from metassl.trained.build import build_learner
from metassl.training.build import build_source, build_task_spec
from metassl.training.run import train_and_test
from metassl.training.weights import PREFIX, load_weights


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.flag}",)


@pytest.mark.parametrize("place", ["whole", "state_dict", "weight", "beside", "plain pickle", "old format"])
def test_a_pickle_bomb_does_not_go_off(tmp_path: Path, place: str) -> None:
    flag, path = tmp_path / "flag", tmp_path / "last.ckpt"
    bomb = Bomb(flag)
    content = {
        "state_dict": {"state_dict": bomb},
        "weight": {"state_dict": {"learner.w": bomb}},
        "beside": {"state_dict": {"learner.w": torch.zeros(2)}, "callbacks": {"x": [bomb]}},
    }.get(place, bomb)
    if place == "plain pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=place != "old format")
    with pytest.raises(UserError, match="refused") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not flag.exists()
    # the bomb is real: without protection it goes off
    if place == "plain pickle":
        pickle.loads(path.read_bytes())
        assert flag.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_file_is_one_line(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "last.ckpt"
    content = {"state_dict": {"learner.w": torch.arange(100.0)}, "global_step": 3}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    assert read_checkpoint(path)["global_step"] == 3
    for share in (0, 0.02, 0.1, 0.3, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match="broken") as caught:
            read_checkpoint(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello, this is text\n", b"u", b"\x80\x02}", bytes(100)])
def test_what_is_no_checkpoint_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="broken") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ckpt", tmp_path):
        with pytest.raises(UserError, match="not found"):
            read_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"state_dict": 3}, [1, 2], torch.zeros(2), {"weights": {}}])
def test_a_checkpoint_without_weights(tmp_path: Path, content: object) -> None:
    path = tmp_path / "last.ckpt"
    torch.save(content, path)
    with pytest.raises(UserError, match="no 'state_dict'"):
        read_checkpoint(path)


def test_weights_of_another_architecture(make_config, tmp_path: Path) -> None:
    config = make_config("model=maml")
    contents = build_source(config)

    def learner(*words: str):
        changed = make_config("model=maml", *words)
        return build_learner(changed, build_task_spec(changed, contents))

    path = tmp_path / "last.ckpt"
    state = {PREFIX + name: value for name, value in learner().state_dict().items()}
    torch.save({"state_dict": state, "global_step": 7}, path)
    own = learner("seed=1")
    assert load_weights(own, path) == 7
    for name, value in own.state_dict().items():
        assert torch.equal(value, state[PREFIX + name])
    for words in (["backbone.filters=8"], ["backbone.norm=group"], ["episode.way=3"], ["model.steps=2"]):
        with pytest.raises(UserError, match="does not fit the config") as caught:
            load_weights(learner(*words), path)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


def test_what_another_objective_learned_is_left_out(make_config, tmp_path: Path) -> None:
    """Weights of a learned objective serve a test with one that learns nothing, but not the other way."""
    contents = build_source(make_config())

    def learner(ssl: str):
        config = make_config("model=protonet", f"ssl={ssl}", "backbone.norm=group")
        return build_learner(config, build_task_spec(config, contents))

    paths = {}
    for ssl in ("soft_kmeans_cluster", "soft_kmeans"):
        paths[ssl] = tmp_path / f"{ssl}.ckpt"
        state = {PREFIX + name: value + 1 for name, value in learner(ssl).state_dict().items()}
        torch.save({"state_dict": state}, paths[ssl])
    plain, saved = learner("soft_kmeans"), read_checkpoint(paths["soft_kmeans_cluster"])["state_dict"]
    load_weights(plain, paths["soft_kmeans_cluster"])
    for name, value in plain.state_dict().items():
        assert torch.equal(value, saved[PREFIX + name])
    with pytest.raises(UserError, match="log_radius"):
        load_weights(learner("soft_kmeans_cluster"), paths["soft_kmeans"])


def test_a_resumed_run_builds_what_is_vouched_for_alone(make_config, tmp_path: Path) -> None:
    """The config comes with the checkpoint: a foreign class is refused before the checkpoint is read."""
    config = make_config("model=protonet", "resume=somewhere")
    config.ssl.objective._target_ = "my_module.Mine"
    with pytest.raises(UserError, match=r"'my_module\.Mine' is refused"):
        train_and_test(config, tmp_path, {}, [])
    with pytest.raises(UserError, match=r"last\.ckpt"):
        train_and_test(config, tmp_path, {}, [], vouched={"my_module.Mine"})
