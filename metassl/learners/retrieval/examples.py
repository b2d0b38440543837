"""The examples of stored tasks, so that what was made of them can be made anew under the θ of now.

Legend: M places, S support, U unlabelled, N way, R random numbers.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from metassl.outcomes.base import Outcome
from metassl.tasks.episode import Episode, Unlabelled

VIEW, UNIT = "view_", "unit_"  # prefixes of the names of views of U, and of a task's units


class TaskExamples(nn.Module):
    """Keeps S with its labels and U of some training tasks, to adapt to them once more later.

    As buffers, which take the shapes of the tasks that come; so they are in every checkpoint: S + V·U inputs
    a task at 4 bytes a number, V views of U (94 kB for 5 + 25 pictures of 28×28). Queries are not kept. Where
    an objective draws U's views anew at each inner step, the first draw alone is kept.

    Args:
        size: M.
        outcome: what the tasks ask for.
    """

    held: Tensor
    padded: Tensor

    def __init__(self, size: int, outcome: Outcome) -> None:
        super().__init__()
        self.size, self.outcome = size, outcome
        self.parts: tuple[str, ...] = ()
        self.register_buffer("held", torch.zeros(size, dtype=torch.bool))
        self.register_buffer("padded", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def keep(self, place: int, episode: Episode) -> None:
        """Puts a task's examples into a place; tasks of another make-up take the place of all."""
        parts = _parts(episode)
        if {name: x.shape for name, x in parts.items()} != self._shapes():
            self.forget()
            self._take({name: x.expand(self.size, *x.shape) for name, x in parts.items()})
        for name, value in parts.items():
            self.get_buffer(name)[place].copy_(value)
        self.held[place] = True
        self.padded.fill_(episode.padded)

    def task(self, place: int) -> Episode:
        """The task in a place, without queries."""
        return _episode(
            {name: self.get_buffer(name)[place] for name in self.parts}, bool(self.padded), self.outcome
        )

    def forget(self) -> None:
        """Drops all tasks, and their memory with them."""
        for name in self.parts:
            delattr(self, name)
        self.parts = ()
        self.held.fill_(False)

    def _shapes(self) -> dict[str, torch.Size]:
        return {name: self.get_buffer(name).shape[1:] for name in self.parts}

    def _take(self, like: Mapping[str, Tensor]) -> None:
        for name, x in like.items():
            self.register_buffer(name, torch.zeros(x.shape, dtype=x.dtype, device=self.held.device))
        self.parts = tuple(like)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Takes the shapes of what is to be loaded first."""
        found = {k.removeprefix(prefix): v for k, v in state_dict.items() if k.startswith(prefix)}
        self.forget()
        self._take({name: v for name, v in found.items() if name not in ("held", "padded")})
        super()._load_from_state_dict(state_dict, prefix, *args)


def _parts(episode: Episode) -> dict[str, Tensor]:
    u = episode.unlabelled
    return {
        "support_x": episode.support_x,
        "support_y": episode.support_y,
        "support_weight": episode.support_weight,
        "class_mask": episode.class_mask,
        "classes": episode.classes,
        "random": episode.random,
        "u_weight": u.weight,
        "u_random": u.random,
        **{VIEW + name: x for name, x in u.views.items()},
        **{UNIT + name: x for name, x in episode.units.items()},
    }


def _episode(parts: Mapping[str, Tensor], padded: bool, outcome: Outcome) -> Episode:
    def named(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): x for n, x in parts.items() if n.startswith(prefix)}

    u = Unlabelled(named(VIEW), parts["u_weight"], parts["u_random"])
    x, y, weight = (parts[name] for name in ("support_x", "support_y", "support_weight"))
    return Episode(
        x, y, weight,
        x[:0], y[:0], weight[:0],
        u, replace(u, views={}, weight=u.weight[:0], random=u.random[:0]),
        parts["class_mask"], parts["classes"], parts["random"],
        named(UNIT), padded, outcome,
    )  # fmt: skip
