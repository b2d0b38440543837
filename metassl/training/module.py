"""The one LightningModule: any learner, any engine."""

from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.utils._pytree import tree_map

from metassl.data.task_stream import TaskStream
from metassl.engine.base import Engine
from metassl.errors import UserError
from metassl.evaluation.validation import Validation, validate
from metassl.learners.base import MetaLearner
from metassl.numerics.surrogate import surrogate
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import Stage

OptimizerFactory = Callable[[MetaLearner], dict[str, Any]]


class DivergedError(UserError):
    """The loss or the gradient is no longer finite."""


class MetaModule(pl.LightningModule):
    """Trains a meta-learner with the outer gradient that an engine computes.

    The gradient g enters automatic optimisation through a surrogate whose value is the loss and whose
    gradient is g, so clipping, accumulation, precision and DDP work.

    Args:
        learner: the meta-learner.
        engine: runs the tasks of training and validation.
        optimizer: learner -> what `configure_optimizers` returns.
        steps: outer steps of the run, for schedules.
        seed: with the batch's number it seeds whatever is random inside a step, so that a
            resumed run draws the same numbers.
        outcome: what the tasks ask for.
    """

    def __init__(
        self,
        learner: MetaLearner,
        engine: Engine,
        optimizer: OptimizerFactory,
        steps: int,
        seed: int,
        outcome: Outcome = CLASSES,
    ) -> None:
        super().__init__()
        self.learner, self.engine = learner, engine
        self.optimizer, self.steps, self.seed, self.outcome = optimizer, steps, seed, outcome
        self.since_step: list[tuple[Episode, dict[str, Tensor]]] = []

    def configure_optimizers(self) -> Any:
        """The outer optimiser, over everything that is learned."""
        return self.optimizer(self.learner)

    def training_step(self, batch: TaskBatch, batch_idx: int) -> dict[str, Any]:
        """One meta-batch; returns the surrogate as "loss", and its "scores"."""
        self._seed(self.seed * 1_000_003 + batch_idx)
        stage = Stage(training=True, progress=min(self.global_step / self.steps, 1.0))
        gradients, scores = self.engine.gradients(
            self.learner, lambda learner, task: learner.meta_loss(task, stage), batch.episodes
        )
        if not torch.isfinite(get_total_norm(list(gradients.values())) + scores["loss"]):
            raise DivergedError(f"the loss or its gradient is not finite at step {self.global_step}.")
        self.since_step.append((batch.episodes, scores))
        return {"loss": surrogate(scores["loss"], self.learner.theta(), gradients), "scores": scores}

    def _seed(self, seed: int) -> None:
        """Of this device alone: torch.manual_seed asks every kind of device, at some milliseconds a call."""
        torch.random.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """The step, then what the learner keeps from one to the next: memories and slow averages.

        It sees all micro-batches that the step was made of. Not in on_train_batch_end, which Lightning
        calls after the callbacks that write checkpoints.
        """
        super().optimizer_step(*args, **kwargs)
        tasks, scores = _merged(self.since_step)
        self.since_step = []
        if self.trainer.world_size > 1:  # every rank keeps the same
            tasks = self._of_ranks(tasks) if self.learner.traits.keeps_tasks else tasks
            scores = {name: self._over_ranks(value) for name, value in scores.items()}
        self.learner.after_outer_step(tasks, scores)

    def _of_ranks(self, tasks: Episode) -> Episode:
        """The tasks of all ranks in the order of the stream, of which rank r has every W-th from r on."""
        return tree_map(lambda x: self._gathered(x).transpose(0, 1).flatten(0, 1), tasks)

    def _gathered(self, value: Tensor) -> Tensor:
        """[W, ...] of all ranks; truth values go as numbers, which every backend carries."""
        sent = value.to(torch.uint8) if value.dtype == torch.bool else value
        gathered = self.all_gather(sent)
        assert isinstance(gathered, Tensor)
        return gathered.to(value.dtype)

    def _over_ranks(self, value: Tensor) -> Tensor:
        return self._gathered(value).mean(0)

    def validation_step(self, batch: TaskStream, batch_idx: int) -> None:
        """All validation episodes, which are one batch; the mean of each score over them and its interval."""
        found = self.validate(batch)
        for name, interval in found.scores.items():
            decides = name == self.outcome.score.name
            self.log(f"val/{name}", interval.mean, prog_bar=decides, batch_size=1)
            self.log(f"val/{name}_ci95", interval.half_width, batch_size=1)
        unlabelled = {f"val/unlabelled_{name}": value for name, value in found.unlabelled.items()}
        self.log_dict(unlabelled, batch_size=1)

    def validate(self, stream: TaskStream) -> Validation:
        """What the learner of this moment reaches on the episodes of a stream."""
        with torch.inference_mode(False), torch.no_grad():
            self.learner.before_validation()
        return validate(self.learner, self.engine, stream)


def _merged(parts: Sequence[tuple[Episode, dict[str, Tensor]]]) -> tuple[Episode, dict[str, Tensor]]:
    """The tasks of all micro-batches, and the mean of their scores."""
    if len(parts) == 1:
        return parts[0]
    tasks = tree_map(lambda *x: torch.cat(x), *(episodes for episodes, _ in parts))
    names = parts[0][1]
    return tasks, {name: torch.stack([scores[name] for _, scores in parts]).mean(0) for name in names}
