"""A head on a frozen backbone: what moves, what stays, and where a trained one comes from."""

from pathlib import Path

import pytest
import torch

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.errors import UserError
from metassl.heads.caml import CAML
from metassl.learners.amortised.frozen import FrozenBackbone
from metassl.ssl.descriptor import Descriptor
from tests.support.agreement import assert_agree
from tests.support.calls import TRAIN, meta_loss, outer_gradients
from tests.support.episodes import SPEC, episodes
from tests.support.learners import conv4, shaken
from tests.support.terms import full


def make(norm: str = "group", **options: str) -> FrozenBackbone:
    torch.manual_seed(0)
    backbone = conv4(norm)
    head = CAML(backbone.out_dim, SPEC, labels=4, heads=2, layers=1, hidden=8)
    return FrozenBackbone(backbone, head, **options).attach(full(Descriptor())).double()


def test_mechanism_only_the_head_is_trained(tiny_pool: Pool) -> None:
    """The outer gradient has every parameter of the head and none of the backbone."""
    learner = shaken(make())
    gradients, _ = outer_gradients(learner, episodes(tiny_pool, learner.ssl, 2))
    assert {name.split(".")[0] for name in gradients} == {"head"}
    assert all(g.abs().max() > 0 for g in gradients.values())


def test_engines_agree(tiny_pool: Pool) -> None:
    learner = shaken(make())
    assert_agree(learner, episodes(tiny_pool, learner.ssl, 2), (Vmap(2),))


def test_averages_follow_random_features_and_stay_with_trained_ones(tiny_pool: Pool, tmp_path: Path) -> None:
    learner = make("running")
    task = episodes(tiny_pool, learner.ssl, 1).task(0)
    meta_loss(learner, task, TRAIN)
    state = {f"learner.{name}": value for name, value in learner.state_dict().items()}
    assert (state["learner.backbone.blocks.0.norm.mean"] != 0).all()
    torch.save({"state_dict": state}, tmp_path / "best.ckpt")
    again = make("running", pretrained=str(tmp_path / "best.ckpt"))
    meta_loss(again, task, TRAIN)
    for name, value in learner.backbone.state_dict().items():
        torch.testing.assert_close(again.backbone.state_dict()[name], value)


def test_a_checkpoint_of_another_backbone_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"learner.backbone.layers.0.weight": torch.zeros(1)}}, tmp_path / "a.ckpt")
    for name in ("a.ckpt", "none.ckpt"):
        with pytest.raises(UserError, match=r"model.pretrained: .*no checkpoint with this backbone"):
            make(pretrained=str(tmp_path / name))
