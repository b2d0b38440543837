"""Weights for tasks of another number of classes than a learner was trained on.

Legend: N classes of the training, M of the task at hand.
"""

from collections.abc import Mapping

from torch import Tensor

from metassl.errors import ConfigError


def widened(weights: Mapping[str, Tensor], like: Mapping[str, Tensor], n: int, m: int) -> dict[str, Tensor]:
    """Fits weights to a learner that was built for M classes: what belongs to a class is made alike for all.

    Where a tensor has N in a place where the learner now has M, as the rows of a linear head have, each of
    the M becomes the mean over the N. In training the classes of a task come in random order, so that no row
    is one class's own; rows that begin alike part in the first inner step, by the labels.

    Source: the rows of the head are tied in UNICORN-MAML (Ye & Chao 2022, section 5), which trains them so;
    here they are tied afterwards.

    Args:
        weights: of the learner of N classes, by name.
        like: the state of one of M classes.
        n, m: N and M.

    Raises:
        ConfigError: a tensor differs in another way; names it.
    """
    found = dict(weights)
    for name, value in weights.items():
        if name not in like or value.shape == like[name].shape:
            continue
        wanted = like[name].shape
        odd = [d for d, (a, b) in enumerate(zip(value.shape, wanted, strict=False)) if a != b]
        if value.dim() != len(wanted) or any((value.shape[d], wanted[d]) != (n, m) for d in odd):
            raise ConfigError(
                f"model: found {m} classes, and '{name}' of this learner, of size {tuple(value.shape)}, is "
                f"made for {n}. Allowed are up to {n}, or a learner that takes any number, such as protonet, "
                "r2d2, maml or proto_maml."
            )
        for d in odd:
            value = value.mean(d, keepdim=True)
        found[name] = value.expand(wanted).clone()
    return found
