"""A closed-form head, or one that reads the task, on a backbone that stays as it is."""

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.checkpoint_file import read_checkpoint
from metassl.errors import UserError
from metassl.heads.base import Head
from metassl.learners.adapted import Anchor
from metassl.learners.metric.learner import HeadLearner
from metassl.norms.base import ALL_ROWS, Pass
from metassl.schema.ranges import Whole

IN_CHECKPOINT = "learner.backbone."


class FrozenBackbone(HeadLearner):
    """Trains a head that reads the task, on features that no training of this run changes.

    As HeadLearner, but the backbone's parameters are no part of what the outer loop trains. With `pretrained`
    they come from the checkpoint of another run and moving averages stay as well; without it they are random
    and the averages of a `running` norm follow the data.
    Source: Fifty et al. 2024 (CAML), section 3: a frozen encoder that was trained before, on other data.

    Args:
        backbone, head, rounds: see HeadLearner.
        pretrained: outputs/<when>/checkpoints/best.ckpt of a run with the same backbone; None: random.

    Raises:
        UserError: there is no such checkpoint, or its backbone is another one.
    """

    def __init__(
        self, backbone: Backbone, head: Head | None = None, rounds: Whole = 1, pretrained: str | None = None
    ) -> None:
        super().__init__(backbone, head, rounds)
        self.stays = pretrained is not None
        if pretrained is not None:
            _load(backbone, Path(pretrained))
        backbone.requires_grad_(False)

    def embed(self, x: Tensor, anchor: Anchor, how: Pass = ALL_ROWS) -> Tensor:
        """See MetaLearner."""
        return super().embed(x, anchor, replace(how, moves=False, averages=True) if self.stays else how)


def _load(backbone: Backbone, path: Path) -> None:
    """Puts the backbone of a checkpoint's learner in place."""
    try:
        state = {str(name): value for name, value in read_checkpoint(path)["state_dict"].items()}
        found = {n.removeprefix(IN_CHECKPOINT): v for n, v in state.items() if n.startswith(IN_CHECKPOINT)}
        backbone.load_state_dict(found)
    except Exception as error:  # torch raises almost anything where weights are none
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"model.pretrained: {path}: no checkpoint with this backbone ({reason}).") from None
