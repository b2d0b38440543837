"""Models that take few steps within a task, for tests of whether they run and not of how well."""

from omegaconf import DictConfig


def shorten(model: DictConfig) -> None:
    """Two inner steps: enough for what one hands on to the next. A layer that is named is the first."""
    few = {"steps": 2, "test_steps": 2, "layer": 0}
    model.update({key: value for key, value in few.items() if model.get(key) is not None})
    if "latent_steps" in model.get("inner", {}):
        model.inner.latent_steps = 1
    if "steps" in model.get("head", {}):
        model.head.steps = 10
