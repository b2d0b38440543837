"""Which weights of a network are learned; the others become buffers, which nothing trains or adapts."""

from collections.abc import Sequence

from torch import Tensor, nn

from metassl.pretrained.lora import low_rank_parameters
from metassl.pretrained.network import Train

Stack = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def train_only(network: nn.Module, train: Train) -> None:
    """Leaves parameters of what is learned alone: none of it, the last block and what follows it, what was
    added as low-rank corrections, or all.

    What stays becomes a buffer of the same name: no optimiser, inner loop or generator of weights meets it,
    and checkpoints have it as before.
    """
    learned = {id(p) for p in _learned(network, train)}
    for module in network.modules():
        for name, p in list(module._parameters.items()):
            if p is not None and id(p) not in learned:
                del module._parameters[name]
                module.register_buffer(name, p.detach())


def _learned(network: nn.Module, train: Train) -> Sequence[Tensor]:
    if train == "lora":
        return low_rank_parameters(network)
    everything = list(network.parameters())
    if train != "last":
        return everything if train == "all" else []
    block = last_block(network)
    first = id(next(block.parameters()))
    start = next(place for place, p in enumerate(everything) if id(p) == first)
    return everything[start:]


def last_block(network: nn.Module) -> nn.Module:
    """The last of the blocks that a network is a stack of, such as a residual or a transformer block."""
    inner = [module for module in network.children() if _composite(module)]
    if isinstance(network, Stack):
        last = inner[-1]
        return last_block(last) if _stacks(last) or _holds(last) else last
    holding = [m for m in inner if _stacks(m)] or [m for m in inner if _holds(m)]
    if holding:
        return last_block(holding[-1])
    return [module for module in network.children() if any(True for _ in module.parameters())][-1]


def _composite(module: nn.Module) -> bool:
    """Whether it has parts with parameters."""
    return any(any(True for _ in child.parameters()) for child in module.children())


def _stacks(module: nn.Module) -> bool:
    """Whether it is a stack of blocks."""
    return isinstance(module, Stack) and any(_composite(child) for child in module.children())


def _holds(module: nn.Module) -> bool:
    """Whether one of its parts is a stack of blocks that are all of one kind."""
    stacks = [child for child in module.children() if _stacks(child)]
    return any(len({type(block) for block in stack.children()}) == 1 for stack in stacks)
