"""The one LightningModule: any learner, any engine."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.utils._pytree import tree_map

from metassl.engine.base import Engine
from metassl.errors import UserError
from metassl.evaluation.diagnostics import Values, diagnose, mean_values
from metassl.evaluation.intervals import over_episodes
from metassl.evaluation.meta_test import query_measures
from metassl.learners.base import MetaLearner
from metassl.numerics.surrogate import surrogate
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import TEST, Stage

OptimizerFactory = Callable[[Iterable[Tensor]], dict[str, Any]]


class DivergedError(UserError):
    """The loss or the gradient is no longer finite."""


class MetaModule(pl.LightningModule):
    """Trains a meta-learner with the outer gradient that an engine computes.

    The gradient g enters automatic optimisation through a surrogate whose value is the loss and whose
    gradient is g, so clipping, accumulation, precision and DDP work.

    Args:
        learner: the meta-learner.
        engine: runs the tasks of training and validation.
        optimizer: parameters -> what `configure_optimizers` returns.
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
        self.val_measures: list[dict[str, Tensor]] = []
        self.val_unlabelled: list[Values] = []
        self.since_step: list[tuple[Episode, dict[str, Tensor]]] = []

    def configure_optimizers(self) -> Any:
        """The outer optimiser, over everything that is learned."""
        return self.optimizer([p for p in self.learner.parameters() if p.requires_grad])

    def training_step(self, batch: TaskBatch, batch_idx: int) -> Tensor:
        """One meta-batch; returns the surrogate."""
        self._seed(self.seed * 1_000_003 + batch_idx)
        stage = Stage(training=True, progress=min(self.global_step / self.steps, 1.0))
        gradients, scores = self.engine.gradients(
            self.learner, lambda learner, task: learner.meta_loss(task, stage), batch.episodes
        )
        if not torch.isfinite(get_total_norm(list(gradients.values())) + scores["loss"]):
            raise DivergedError(f"the loss or its gradient is not finite at step {self.global_step}.")
        if (self.global_step + 1) % self._log_every == 0:  # a call of log_dict takes 2 ms
            logged = {f"train/{name}": value for name, value in scores.items() if value.dim() == 0}
            self.log_dict(logged, prog_bar=True, batch_size=1)  # or Lightning searches the batch for its size
        self.since_step.append((batch.episodes, scores))
        return surrogate(scores["loss"], self.learner.theta(), gradients)

    @property
    def _log_every(self) -> int:
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return every

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
            scores = {name: self._over_ranks(value) for name, value in scores.items()}
        self.learner.after_outer_step(tasks, scores)

    def _over_ranks(self, value: Tensor) -> Tensor:
        gathered = self.all_gather(value)
        assert isinstance(gathered, Tensor)
        return gathered.mean(0)

    def validation_step(self, batch: TaskBatch, batch_idx: int) -> None:
        """What one batch of validation episodes scores, adapted as at test, and what became of their U."""
        outputs = self.engine.map(
            self.learner, lambda learner, task: learner.query_logits(task, TEST), batch.episodes
        )
        self.val_measures.append(query_measures(outputs, batch.episodes))
        self.val_unlabelled += diagnose(self.learner, self.engine, batch, TEST)

    def on_validation_epoch_end(self) -> None:
        """Mean over the validation episodes and its interval."""
        columns = {
            name: torch.cat([part[name] for part in self.val_measures]).float().cpu().numpy()
            for name in self.val_measures[0]
        }
        self.val_measures.clear()
        for name, values in self.outcome.summary(columns).items():
            interval = over_episodes(values)
            self.log(f"val/{name}", interval.mean, prog_bar=name == self.outcome.score.name)
            self.log(f"val/{name}_ci95", interval.half_width)
        self.log_dict({f"val/unlabelled_{k}": v for k, v in mean_values(self.val_unlabelled).items()})
        self.val_unlabelled.clear()


def _merged(parts: Sequence[tuple[Episode, dict[str, Tensor]]]) -> tuple[Episode, dict[str, Tensor]]:
    """The tasks of all micro-batches, and the mean of their scores."""
    if len(parts) == 1:
        return parts[0]
    tasks = tree_map(lambda *x: torch.cat(x), *(episodes for episodes, _ in parts))
    names = parts[0][1]
    return tasks, {name: torch.stack([scores[name] for _, scores in parts]).mean(0) for name in names}
