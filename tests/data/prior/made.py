"""Tables of the prior, by family."""

from functools import cache

import numpy as np
from hydra import compose, initialize_config_dir

from metassl.data.prior.columns import Raw
from metassl.data.prior.tasks import Prior
from metassl.instantiate import instantiate
from tests.conftest import CONF

FAMILIES = ("networks", "trees", "clusters", "shapes")


@cache
def prior(*words: str) -> Prior:
    """As the config has it, with these words."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=["dataset=prior", *words])
    made = instantiate(config.dataset.source)
    assert isinstance(made, Prior)
    return made


def raw(number: int, *words: str) -> Raw:
    """A table before it is numbers."""
    return prior(*words).tables().raw(np.random.default_rng(number))[0]
