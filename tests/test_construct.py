"""From config nodes to objects: what the builder knows is filled in, and mistakes are one line."""

import pytest
import torch
from omegaconf import OmegaConf

from metassl.construct import construct
from metassl.errors import ConfigError
from metassl.heads.comparison import VectorComparison
from metassl.inner.sgd import SGD

VECTORS = {"_target_": "metassl.heads.comparison.VectorComparison", "hidden": 8}


def test_what_is_known_is_filled_in_by_name_at_every_depth() -> None:
    made = construct(OmegaConf.create({"head": VECTORS, "rounds": 2}), {"features": 5, "way": 3})
    assert isinstance(made["head"], VectorComparison)
    assert made["head"].score[0].in_features == 2 * 5
    assert made["rounds"] == 2


def test_what_the_node_gives_wins() -> None:
    assert construct({**VECTORS, "features": 7}, {"features": 5}).score[0].in_features == 14


def test_a_partial_node_is_a_factory() -> None:
    node = {"_target_": "metassl.inner.sgd.SGD", "_partial_": True, "rate": 0.5, "steps": 2}
    inner = construct(node, {"features": 5})({"x": torch.zeros(3)})
    assert isinstance(inner, SGD)
    torch.testing.assert_close(inner.rates.detach(), torch.tensor([0.5, 0.5]))


def test_references_to_other_nodes_are_followed() -> None:
    config = OmegaConf.create({"model": {"steps": 4, "inner": {"steps": "${model.steps}"}}})
    assert construct(config.model.inner, {}) == {"steps": 4}


@pytest.mark.parametrize(
    ("node", "line"),
    [
        ({"_target_": "metassl.heads.relation.Relations"}, "Relations"),
        ({"_target_": "no.such.module"}, "no.such.module"),
        ({**VECTORS, "hiden": 3}, "hiden"),
        ({**VECTORS}, "features"),
    ],
)
def test_mistakes_are_one_line_that_names_the_target(node: dict, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        construct(node, {})
    assert node["_target_"] in str(caught.value).split(": ")[0]
    assert "\n" not in str(caught.value)


def test_errors_of_the_constructor_come_out_as_they_are() -> None:
    node = {"_target_": "metassl.heads.in_context.InContext", "features": 4, "width": 4, "heads": 3}
    with pytest.raises(ConfigError, match=r"^model\.head\.heads: found 3"):
        construct(node, {})
