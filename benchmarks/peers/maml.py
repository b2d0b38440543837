"""Second-order MAML with the tools that people use: a plain and a tuned loop, higher, torchopt; and ours.

All take the same initial weights, the same tasks and the same inner rate, and give the mean over tasks of the
gradient of the query loss with respect to the initial weights.

Legend: T tasks, N way, S support, Q queries, K inner steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from benchmarks.timing import Work
from metassl.backbones.conv4 import Conv4
from metassl.inner.sgd import SGD
from metassl.instantiate import instantiate
from metassl.learners.gradient.maml import MAML
from metassl.norms.pooled import channels_last
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage
from metassl.training.allocator import keep_freed_memory

WAY, SHOT, QUERIES = 5, 1, 15
RATE = 0.1
TRAIN = Stage(training=True)


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    filters: int
    side: int
    steps: int
    tasks: int = 16
    dtype: str = "float32"
    device: str = "cpu"
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: one channel at 28×28, three at 84×84."""
        return (1 if self.side == 28 else 3, self.side, self.side)

    def images(self) -> tuple[Tensor, Tensor]:
        """Support [T, S, ...] and queries [T, Q, ...], the same in every process."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = (self.tasks, WAY * (SHOT + QUERIES), *self.shape)
        images = torch.rand(shape, generator=generator, dtype=torch.float64).to(getattr(torch, self.dtype))
        return images[:, : WAY * SHOT].to(self.device), images[:, WAY * SHOT :].to(self.device)

    def labels(self, each: int) -> Tensor:
        """[N · each] the classes in turn."""
        return torch.arange(WAY, device=self.device).repeat_interleave(each)


def initial(setting: Setting) -> dict[str, Tensor]:
    """Weights of the peers' network, by its own names."""
    torch.manual_seed(0)
    return {name: p.detach().clone() for name, p in network(setting).named_parameters()}


def network(setting: Setting) -> nn.Sequential:
    """Conv4 as the few-shot repositories write it, normalised with the batch's statistics."""
    channels = [setting.shape[0]] + [setting.filters] * 4
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        norm = nn.BatchNorm2d(b, track_running_stats=False)
        layers += [nn.Conv2d(a, b, 3, padding=1), norm, nn.ReLU(), nn.MaxPool2d(2)]
    size = setting.filters * (setting.side // 16) ** 2
    made = nn.Sequential(*layers, nn.Flatten(), nn.Linear(size, WAY))
    return made.to(dtype=getattr(torch, setting.dtype), device=setting.device)


def plain_loop(
    setting: Setting,
    make: Callable[[Setting], nn.Module] = network,
    layout: Callable[[Tensor], Tensor] = Tensor.contiguous,
) -> Work:
    """functional_call and autograd.grad(create_graph=True), one task after the other.

    `layout` puts images and filters, [n, C, H, W], in memory.
    """
    net = make(setting)
    params = {n: (layout(p) if p.dim() == 4 else p).requires_grad_() for n, p in initial(setting).items()}
    support, queries = ([layout(task) for task in images] for images in setting.images())
    s_y, q_y = setting.labels(SHOT), setting.labels(QUERIES)

    def step() -> dict[str, Tensor]:
        total = {n: torch.zeros_like(p) for n, p in params.items()}
        for t in range(setting.tasks):
            fast = params
            for _ in range(setting.steps):
                loss = F.cross_entropy(functional_call(net, fast, (support[t],)), s_y)
                grads = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
                fast = {n: p - RATE * g for (n, p), g in zip(fast.items(), grads, strict=True)}
            loss = F.cross_entropy(functional_call(net, fast, (queries[t],)), q_y) / setting.tasks
            for n, g in zip(params, torch.autograd.grad(loss, list(params.values())), strict=True):
                total[n] += g
        return total

    return Work(step, lambda: _named(step()))


def tuned_loop(setting: Setting) -> Work:
    """The plain loop with what a careful user would set: channels last, and freed memory kept.

    Channels last by strides: `to(memory_format=torch.channels_last)` leaves images of one channel alone,
    and the first and largest map then has its channels first.
    """
    keep_freed_memory()
    return plain_loop(setting, layout=channels_last)


def with_higher(setting: Setting) -> Work:
    """facebookresearch/higher, as in its own MAML example."""
    import higher

    net = network(setting)
    net.load_state_dict(initial(setting))
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    (support, queries), s_y, q_y = setting.images(), setting.labels(SHOT), setting.labels(QUERIES)

    def step() -> dict[str, Tensor]:
        net.zero_grad()
        for t in range(setting.tasks):
            with higher.innerloop_ctx(net, optimizer, copy_initial_weights=False) as (fast, inner):
                for _ in range(setting.steps):
                    inner.step(F.cross_entropy(fast(support[t]), s_y))
                (F.cross_entropy(fast(queries[t]), q_y) / setting.tasks).backward()
        return {n: p.grad for n, p in net.named_parameters() if p.grad is not None}

    return Work(step, lambda: _named(step()))


def with_torchopt(setting: Setting) -> Work:
    """metaopt/torchopt, as in its own MAML example."""
    import torchopt

    net = network(setting)
    net.load_state_dict(initial(setting))
    inner = torchopt.MetaSGD(net, lr=RATE)
    (support, queries), s_y, q_y = setting.images(), setting.labels(SHOT), setting.labels(QUERIES)
    start = dict(net.named_parameters())

    def step() -> dict[str, Tensor]:
        for p in start.values():
            p.grad = None
        net_state, inner_state = torchopt.extract_state_dict(net), torchopt.extract_state_dict(inner)
        for t in range(setting.tasks):
            for _ in range(setting.steps):
                inner.step(F.cross_entropy(net(support[t]), s_y))
            (F.cross_entropy(net(queries[t]), q_y) / setting.tasks).backward()
            torchopt.recover_state_dict(net, net_state)
            torchopt.recover_state_dict(inner, inner_state)
        return {n: p.grad for n, p in start.items() if p.grad is not None}

    return Work(step, lambda: _named(step()))


def ours(setting: Setting, engine: Any) -> tuple[Work, Any]:
    """metassl's MAML and the engine that a config node names."""
    keep_freed_memory()
    learner, made = our_learner(setting), instantiate(engine)
    tasks = our_tasks(setting)

    def step() -> dict[str, Tensor]:
        gradients, _ = made.gradients(learner, lambda learner, task: learner.meta_loss(task, TRAIN), tasks)
        return gradients

    return Work(step, lambda: _named(_their_names(step()))), made


def our_learner(setting: Setting) -> MAML:
    """MAML with the peers' initial weights."""
    spec = TaskSpec(way=WAY, input_shape=setting.shape, base_classes=64)
    inner = partial(SGD, rate=RATE, steps=1, learned=False)
    learner = MAML(Conv4(setting.shape, setting.filters), spec, inner, setting.steps)
    learner.to(dtype=getattr(torch, setting.dtype), device=setting.device)
    torch.nn.init.constant_(learner.inner.get_parameter("rates"), RATE)  # once more, in this precision
    names = _our_names()
    learner.load_state_dict({names[n]: p for n, p in initial(setting).items()}, strict=False)
    return learner


def our_tasks(setting: Setting) -> Episode:
    """The peers' tasks as a meta-batch."""
    support, queries = setting.images()
    t, options = setting.tasks, _options(setting)

    def rows(x: Tensor, each: int) -> tuple[Tensor, Tensor, Tensor]:
        return x, setting.labels(each).expand(t, -1), torch.ones(t, WAY * each, **options)

    empty = Unlabelled({}, torch.zeros(t, 0, **options), torch.zeros(t, 0, 0, **options))
    classes = torch.arange(WAY, device=setting.device).expand(t, -1)
    return Episode(
        *rows(support, SHOT), *rows(queries, QUERIES), empty, empty,
        classes >= 0, classes, torch.zeros(t, 0, **options),
    )  # fmt: skip


def _options(setting: Setting) -> dict[str, Any]:
    return {"dtype": getattr(torch, setting.dtype), "device": setting.device}


def _our_names() -> dict[str, str]:
    names = {"17.weight": "head.weight", "17.bias": "head.bias"}
    for k in range(4):
        for part, place in (("conv", 4 * k), ("norm", 4 * k + 1)):
            for kind in ("weight", "bias"):
                names[f"{place}.{kind}"] = f"backbone.blocks.{k}.{part}.{kind}"
    return names


def _their_names(gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    back = {ours: theirs for theirs, ours in _our_names().items()}
    return {back[n]: g for n, g in gradients.items() if n in back}


def _named(gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: gradients[n].detach().cpu().double() for n in sorted(gradients)}
