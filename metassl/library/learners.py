"""A meta-learner by the names of its parts."""

from typing import TypeVar

import torch

from metassl.compatibility import check
from metassl.data.spec import to_count
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.library.configs import Options, composed
from metassl.outcomes.classification import Classification
from metassl.ssl.base import SSLObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.spec import TaskSpec
from metassl.trained.build import build_learner

T = TypeVar("T")
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
        backbone: the network; None: "conv4" for images, or the model's own choice, "mlp" for vectors, and
            "mlp_40" for tasks that ask for values of vectors.
        options: changes of the parts' options, {"ssl.refit_weight": 0.5} or ["ssl.refit_weight=0.5"].
        seed: of the initial weights. The caller's own random numbers stay untouched.

    Raises:
        ConfigError: an unknown name or option, with the nearest spelling, or parts that don't go together.

    >>> import metassl
    >>> task = metassl.TaskSpec(way=5, input_shape=(8,), base_classes=30)
    >>> made = metassl.learner("protonet", ssl="soft_kmeans", task=task, options={"backbone.sizes": [16]})
    >>> [(name, tuple(p.shape)) for name, p in made.named_parameters()][:2]
    [('backbone.layers.0.linear.weight', (16, 8)), ('backbone.layers.0.linear.bias', (16,))]

    The same of objects, which may be of one's own classes:

    >>> from metassl.backbones.mlp import MLP
    >>> from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
    >>> twin = metassl.HeadLearner(MLP((8,), sizes=[16])).attach(metassl.SSLTerm(SoftKMeans()))
    >>> type(twin) is type(made), type(twin.ssl.objective) is type(made.ssl.objective)
    (True, True)

    An objective goes with a model of that name, too; and what a slip says:

    >>> made = metassl.learner("maml", ssl=metassl.SSLTerm(SoftKMeans(iterations=2), weight=0.3), task=task)
    >>> metassl.learner("protonett", task=task)
    Traceback (most recent call last):
    metassl.errors.ConfigError: model: found 'protonett'. Did you mean 'protonet'? Allowed: alfa, ...
    >>> metassl.learner("protonet", ssl="soft_kmeans", task=task, options={"ssl.wieght": 1.0})
    Traceback (most recent call last):
    metassl.errors.ConfigError: options: found 'ssl.wieght'. Did you mean 'ssl.weight'? Allowed: ssl.at, ...
    """
    term = _term(ssl)
    _expect("task", task, TaskSpec, "episodes.task")
    names = {"model": model, "ssl": ssl if isinstance(ssl, str) else "none"}
    usual = backbone or _usual_backbone(task)
    names |= {"backbone": usual} if usual else {}
    config = composed(names, options, allowed=PARTS)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(to_count("seed", seed, 0))
        made = build_learner(config, task)
    if term is not None:
        check(made.attach(term), task)
    return made


def _usual_backbone(task: TaskSpec) -> str | None:
    """The network that conf/dataset chooses for such tasks; None for images, where a model may choose."""
    if len(task.input_shape) == 3:
        return None
    return "mlp" if isinstance(task.outcome, Classification) else "mlp_40"


def _term(ssl: object) -> SSLTerm | None:
    """The term that was given as an object; None for a name."""
    if isinstance(ssl, str | SSLTerm):
        return None if isinstance(ssl, str) else ssl
    return SSLTerm(_expect("ssl", ssl, SSLObjective, "a name, an SSLObjective or an SSLTerm"))


def _expect(what: str, value: object, kind: type[T], allowed: str) -> T:
    if not isinstance(value, kind):
        raise ConfigError(f"{what}: found {value!r}, allowed is {allowed}.")
    return value
