"""What adaptation makes of a task.

Legend: N way, n rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.utils._pytree import register_dataclass, register_pytree_node

from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.ssl.context import Memory


@dataclass(frozen=True)
class Anchor:
    """The rows of a task that give the statistics of a `support` norm.

    Attributes:
        x: [n, ...] inputs; weight: [n], 0 for padding.
    """

    x: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Adapted:
    """What a learner knows of a task once it has adapted to it.

    φ, what adaptation makes of a task.

    Attributes:
        overlay: values that replace those of θ under the same names.
        head: the state of a closed-form head, or an empty dict.
        anchor: see Anchor.
        class_mask: [K] outputs that the task has.
        memory: what the SSL objective kept of the last inner step, by owner.
        step: the inner step that passes after adaptation are of, for norms of each step.
        outcome: what the task asks for.
    """

    overlay: Tensors
    head: Any
    anchor: Anchor
    class_mask: Tensor
    memory: Memory = field(default_factory=dict)
    step: int = 0
    outcome: Outcome = CLASSES


def _flatten(adapted: Adapted) -> tuple[list[Any], tuple[int, Outcome]]:
    parts = [adapted.overlay, adapted.head, adapted.anchor, adapted.class_mask, adapted.memory]
    return parts, (adapted.step, adapted.outcome)


def _unflatten(parts: Iterable[Any], static: tuple[int, Outcome]) -> Adapted:
    overlay, head, anchor, class_mask, memory = parts
    return Adapted(overlay, head, anchor, class_mask, memory, *static)


register_dataclass(Anchor)
# By hand, since some fields are static: they have to survive a tree_map without being tensors.
register_pytree_node(Adapted, _flatten, _unflatten)
