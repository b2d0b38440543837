"""Putting tensors in the place of a module's parameters and buffers, for the length of a call.

As torch.func.functional_call does it, which looks every name up anew in each call and takes ten times as
long: for a small network longer than the call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from metassl.numerics.tensors import Tensors

PARAMETERS = "_parameters"


class Slot(NamedTuple):
    """Where a parameter or buffer of a module is kept, so that another can take its place.

    Where a tensor stands: a module, which of its two dicts, and the key in it.
    """

    owner: nn.Module
    kind: str
    key: str

    def swap(self, value: Tensor | None) -> Tensor | None:
        """Puts `value` there and returns what was there."""
        values: dict[str, Any] = self.owner.__dict__[self.kind]
        before, values[self.key] = values[self.key], value
        return before


_SLOTS: WeakKeyDictionary[nn.Module, dict[str, list[Slot]]] = WeakKeyDictionary()


@contextmanager
def placed(module: nn.Module, values: Tensors) -> Iterator[None]:
    """Puts other tensors in place of a module's parameters while a block of code runs.

    Within it, the module's parameters and buffers of these names are these tensors.

    A tensor that stands in several places is replaced in all of them.

    Args:
        module: whose parameters; one thread at a time.
        values: by the names of `named_parameters()` and `named_buffers()`.
    """
    slots = _slots(module)
    before: list[tuple[Slot, Tensor | None]] = []
    try:
        for name, value in values.items():
            before += [(slot, slot.swap(value)) for slot in slots[name]]
        yield
    finally:
        for slot, kept in reversed(before):
            slot.swap(kept)


def parameters(module: nn.Module) -> dict[str, Tensor]:
    """Lists a module's parameters by name, quickly enough for every inner step.

    dict(module.named_parameters()) as they are placed now, without a search.
    """
    found: dict[str, Tensor] = {}
    for name, (slot, *_) in _slots(module).items():
        value = slot.owner._parameters.get(slot.key) if slot.kind == PARAMETERS else None
        if value is not None:
            found[name] = value
    return found


def forget(module: nn.Module) -> None:
    """Has the module's tensors looked up anew: for the one place that changes a learner's parts."""
    _SLOTS.pop(module, None)


def _slots(module: nn.Module) -> dict[str, list[Slot]]:
    """Where each tensor stands, found at the first call; a module's parts don't change after that."""
    if module not in _SLOTS:
        names = {id(p): name for name, p in [*module.named_parameters(), *module.named_buffers()]}
        slots: dict[str, list[Slot]] = {name: [] for name in names.values()}
        for part in module.modules():
            for kind in (PARAMETERS, "_buffers"):
                for key, value in part.__dict__[kind].items():
                    if value is not None:
                        slots[names[id(value)]].append(Slot(part, kind, key))
        _SLOTS[module] = slots
    return _SLOTS[module]
