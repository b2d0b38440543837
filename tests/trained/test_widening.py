"""A learner of five classes meets tasks of more."""

import pytest
import torch

import metassl
from metassl.errors import ConfigError
from metassl.trained.widening import widened


def test_the_rows_of_a_head_become_their_mean() -> None:
    weights = {
        "head.weight": torch.arange(10.0).view(5, 2),
        "head.bias": torch.arange(5.0),
        "w": torch.eye(3),
    }
    like = {"head.weight": torch.zeros(7, 2), "head.bias": torch.zeros(7), "w": torch.zeros(3, 3)}
    found = widened(weights, like, 5, 7)
    assert torch.equal(found["head.weight"], torch.tensor([[4.0, 5.0]]).expand(7, 2))
    assert torch.equal(found["head.bias"], torch.full((7,), 2.0))
    assert torch.equal(found["w"], torch.eye(3))
    assert widened(weights, weights, 5, 5).keys() == weights.keys()


def test_what_is_no_row_of_a_class_is_refused() -> None:
    line = r"found 7 classes, and 'generator' of this learner, of size \(10, 4\), is made for 5"
    with pytest.raises(ConfigError, match=line):
        widened({"generator": torch.zeros(10, 4)}, {"generator": torch.zeros(14, 4)}, 5, 7)


@pytest.mark.parametrize("model", ["maml", "anil", "meta_sgd", "mamlpp", "protonet", "r2d2", "in_context"])
def test_learners_take_more_classes_than_they_were_built_for(model: str) -> None:
    """Whose order is of no influence: from rows that are alike, classes renamed get the answers renamed."""
    task = metassl.TaskSpec(way=3, input_shape=(6,), base_classes=9)
    options = {"backbone.sizes": [8]}
    weights = metassl.learner(model, task=task, options=options).state_dict()
    wide = metassl.learner(model, task=metassl.TaskSpec(5, (6,), 9), options=options)
    wide.load_state_dict(widened(weights, wide.state_dict(), 3, 5))
    x = torch.randn(10, 6, generator=torch.Generator().manual_seed(0)).numpy()
    y, turn = [0, 1, 2, 3, 4] * 2, [2, 0, 4, 1, 3]
    first = metassl.predict(wide, metassl.task(x, y), x)
    second = metassl.predict(wide, metassl.task(x, [turn[k] for k in y]), x)
    assert first.shape == (10, 5)
    assert abs(first - second[:, turn]).max() < 1e-5
