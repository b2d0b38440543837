"""A meta-learner by the names of its parts."""

import torch

from metassl.compatibility import check
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.library.configs import Options, composed
from metassl.ssl.base import SSLObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.spec import TaskSpec
from metassl.training.build import build_learner

PARTS = ("model", "ssl", "backbone", "distance")


def learner(
    model: str,
    *,
    task: TaskSpec,
    ssl: str | SSLObjective | SSLTerm = "none",
    backbone: str | None = None,
    options: Options = (),
    seed: int = 0,
) -> MetaLearner:
    """Builds the meta-learner that the command builds for the same names, options and seed.

    The names are those of `metassl train model=… ssl=… backbone=…`: docs/methods.md lists them, with their
    options. A learner is also made of objects, without this function:
    `metassl.HeadLearner(backbone).attach(metassl.SSLTerm(objective))`.

    Args:
        model: how a task is adapted to, such as "maml" or "protonet".
        task: what the tasks look like: `episodes.task`.
        ssl: what unlabelled items are worth, such as "soft_kmeans"; "none": they are not used. Or an
            objective, or an objective in an SSLTerm that says where and how strongly it takes part.
        backbone: the network; None: "conv4" for images and "mlp" for vectors.
        options: changes of the parts' options, {"ssl.refit_weight": 0.5} or ["ssl.refit_weight=0.5"].
        seed: of the initial weights. The caller's own random numbers stay untouched.

    Raises:
        ConfigError: an unknown name or option, with the nearest spelling, or parts that don't go together.

    >>> import metassl
    >>> task = metassl.TaskSpec(way=5, input_shape=(8,), base_classes=30)
    >>> made = metassl.learner("protonet", ssl="soft_kmeans", task=task, options={"backbone.sizes": [16]})
    >>> [(name, tuple(p.shape)) for name, p in made.named_parameters()][:2]
    [('backbone.layers.0.linear.weight', (16, 8)), ('backbone.layers.0.linear.bias', (16,))]

    The same with an objective of one's own in the place of a name, and what a slip says:

    >>> from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
    >>> made = metassl.learner("maml", ssl=metassl.SSLTerm(SoftKMeans(iterations=2), weight=0.3), task=task)
    >>> metassl.learner("protonett", task=task)
    Traceback (most recent call last):
    metassl.errors.ConfigError: model: found 'protonett'. Did you mean 'protonet'? Allowed: anil, ...
    >>> metassl.learner("protonet", ssl="soft_kmeans", task=task, options={"ssl.wieght": 1.0})
    Traceback (most recent call last):
    metassl.errors.ConfigError: options: found 'ssl.wieght'. Did you mean 'ssl.weight'? Allowed: ssl.at, ...
    """
    _check_task(task)
    names = {"model": model, "ssl": ssl if isinstance(ssl, str) else "none"}
    names["backbone"] = backbone or ("conv4" if len(task.input_shape) == 3 else "mlp")
    config = composed(names, options, allowed=PARTS)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        made = build_learner(config, task)
    if not isinstance(ssl, str):
        made.attach(ssl if isinstance(ssl, SSLTerm) else SSLTerm(ssl))
        check(made, task)
    return made


def _check_task(task: object) -> None:
    if not isinstance(task, TaskSpec):
        found = type(task).__name__
        raise ConfigError(f"task: found an object of type {found}, allowed is a TaskSpec: episodes.task.")
