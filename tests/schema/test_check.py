"""What the check of a config says, and what it lets pass."""

from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

import metassl
from metassl.errors import ConfigError
from metassl.library.configs import composed
from metassl.schema.check import check_config, check_parts
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Positive, Seed
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans


class Method:
    """A researcher's class, which says of itself what its keys may be."""

    def __init__(
        self, rate: Positive = 0.1, rule: Literal["hard", "soft"] = "hard", depth: Count | None = None
    ) -> None:
        self.rate, self.rule, self.depth = rate, rule, depth


class Plain:
    """One that says as little as can be."""

    def __init__(self, number: float = 1.0, anything=None, **more: Any) -> None:
        self.number = number


def method(**keys: Any) -> dict[str, Any]:
    return {"mine": {"_target_": f"{__name__}.Method", **keys}}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"rate": 0}, "mine.rate: found 0, allowed is a number above 0."),
        ({"rate": None}, "mine.rate: found null, allowed is a number above 0."),
        ({"rate": True}, "mine.rate: found true, allowed is a number above 0."),
        ({"rate": 10**12}, "mine.rate: found 1000000000000, allowed is a number above 0 and of at most 1000000000."),
        ({"rate": 10**5000}, "mine.rate: found a number of thousands of digits, allowed is a number above 0"),
        ({"rule": "sofd"}, "mine.rule: found 'sofd'. Did you mean 'soft'? Allowed: hard, soft."),
        ({"rule": 3}, "mine.rule: found 3, allowed is hard or soft."),
        ({"depth": 0}, "mine.depth: found 0, allowed is a whole number of at least 1 or null."),
        ({"depth": 2.0}, "mine.depth: found 2.0, allowed is a whole number of at least 1 or null."),
        ({"ratte": 1}, "key mine.ratte: found 'mine.ratte'. Did you mean 'mine.rate'? Allowed: mine.depth, "),
        ({"rate": list(range(99))}, "mine.rate: found [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16..., "),
    ],
)  # fmt: skip
def test_a_fault_is_one_line(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_parts(method(**keys))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_right_values_pass() -> None:
    check_parts(method(rate=1, rule="soft", depth=None))
    check_parts(method(rate=1e-9, _partial_=True))
    check_parts({"_target_": f"{__name__}.Plain", "number": 3, "anything": "x", "other": [1]})


def test_what_refers_is_judged_by_what_it_refers_to() -> None:
    config = OmegaConf.create({"seed": "${other}", "other": -1})
    with pytest.raises(
        ConfigError, match=r"^seed: found -1, allowed is a whole number from 0 to 4294967295\.$"
    ):
        check_config(config)
    config.other = 2
    check_config(config)
    del config["other"]
    with pytest.raises(ConfigError, match=r"^seed: Interpolation key 'other' not found"):
        check_config(config)


def test_what_only_a_running_job_knows_is_left_open() -> None:
    check_config(
        OmegaConf.create({"paths": {"output_dir": "${hydra:runtime.output_dir}", "data_dir": "???"}})
    )


def test_the_library_says_the_same() -> None:
    task = metassl.TaskSpec(way=5, input_shape=(8,), base_classes=30)
    with pytest.raises(
        ConfigError, match=r"^model.steps: found -1, allowed is a whole number of at least 0\.$"
    ):
        metassl.learner("maml", task=task, options={"model.steps": -1})
    with pytest.raises(ConfigError, match=r"^ssl.start: found 2, allowed is a number from 0 to 1\.$"):
        metassl.SSLTerm(SoftKMeans(), start=2)
    with pytest.raises(ConfigError, match=r"^episode.transductive: found 'no', allowed is true or false\.$"):
        composed({}, {"episode.transductive": "no"}, allowed=("episode",))


def test_a_constructor_that_is_called_without_a_config_can_refuse_as_well() -> None:
    class Direct:
        @checked("model.head")
        def __init__(self, parts: object, seed: Seed = 0) -> None:
            self.seed = seed

    assert Direct([1], seed=3).seed == 3
    with pytest.raises(ConfigError, match=r"^model.head.seed: found -1, allowed is a whole number from 0"):
        Direct([1], -1)
