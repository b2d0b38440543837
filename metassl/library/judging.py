"""What a trained learner reaches on tasks that it has not met, and what unlabelled items are worth to it."""

from dataclasses import dataclass

from metassl.data.spec import EpisodeSpec, Range, to_count
from metassl.data.task_stream import TaskStream
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.intervals import Interval, over_episodes, paired
from metassl.evaluation.meta_test import Columns, meta_test
from metassl.learners.base import MetaLearner
from metassl.library.configs import composed
from metassl.library.episodes import Episodes
from metassl.library.running import engine_name, evaluating, query_logits
from metassl.tasks.stage import CONTROL, TEST
from metassl.training.build import build_engine

WITHOUT = "_without_unlabelled"


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The result of a meta-test; printed, it is a table in per cent.

    Attributes:
        columns: "accuracy" and "loss", and with "_without_unlabelled" behind them those of the control: a
            value for each task, as shares 0..1.
        spec: the make-up of the tasks.
    """

    columns: Columns
    spec: EpisodeSpec

    @property
    def accuracy(self) -> Interval:
        """Mean accuracy over the tasks, 0..1, with its 95% interval."""
        return over_episodes(self.columns["accuracy"])

    @property
    def without_unlabelled(self) -> Interval | None:
        """The same learner on the same tasks without unlabelled items; None where it uses none anyway."""
        column = self.columns.get(f"accuracy{WITHOUT}")
        return None if column is None else over_episodes(column)

    @property
    def gain(self) -> Interval | None:
        """What unlabelled items are worth: the difference of the two, paired over the tasks."""
        column = self.columns.get(f"accuracy{WITHOUT}")
        return None if column is None else paired(self.columns["accuracy"], column)

    def __repr__(self) -> str:
        """The table."""
        spec, gain, control = self.spec, self.gain, self.without_unlabelled
        unlabelled = "the queries are U" if spec.transductive else f"{spec.unlabelled} unlabelled a class"
        sizes = f"{self.accuracy.n} tasks, {_span(spec.way)}-way {_span(spec.shot)}-shot, {unlabelled}"
        lines = [
            f"{sizes}; accuracy in %, mean ± 95% interval",
            f"  with unlabelled items         {self.accuracy.percent()}",
        ]
        if gain is None or control is None:
            lines[1] = f"  accuracy                      {self.accuracy.percent()}"
        else:
            lines.append(f"  the same without them         {control.percent()}")
            lines.append(f"  what they are worth (paired)  {gain.percent(signed=True)}")
        lines.append(f"  chance                        {100 / spec.way.low:.1f}")
        return "\n".join(lines)


def evaluate(
    learner: MetaLearner, episodes: Episodes, count: int = 100, *, engine: str | None = None, tasks: int = 20
) -> Evaluation:
    """Meta-tests a learner on the first tasks of some episodes, with and without their unlabelled items.

    It is the command's meta-test: the control without unlabelled items is the same learner with the same
    number of steps on the same tasks, so the difference is what they are worth.

    Args:
        learner: trained, on its device.
        episodes: of classes that it was not trained on.
        count: number of tasks, episodes[0] to episodes[count - 1].
        engine: a name of conf/engine; None: as for `fit`.
        tasks: tasks that run at a time.

    Raises:
        ConfigError: an unknown engine, or episodes that the learner wasn't built for.

    >>> import metassl, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 20)
    >>> x = rng.normal(size=(20, 8))[y] + 0.8 * rng.normal(size=(400, 8))
    >>> test = metassl.episodes(x, y, unlabelled=10, split="test")
    >>> learner = metassl.learner("protonet", ssl="soft_kmeans", task=test.task)
    >>> result = metassl.evaluate(learner, test, count=50)
    >>> result
    50 tasks, 5-way 1-shot, 10 unlabelled a class; accuracy in %, mean ± 95% interval
      with unlabelled items         ... ± ...
      the same without them         ... ± ...
      what they are worth (paired)  +... ± ...
      chance                        20.0
    >>> result.gain.mean > 0, result.columns["accuracy"].shape
    (True, (50,))
    """
    to_count("count", count, 1)
    to_count("tasks", tasks, 1)
    config = composed({"engine": engine or engine_name(learner)}, allowed=("engine",))
    stream = TaskStream(episodes.builder(learner), tasks, count)
    test = MetaTest(learner, build_engine(config, learner), stream)
    query_logits(learner, stream.builder(range(1)).episodes.task(0))  # or a line says why not
    uses = bool(learner.ssl.inner_views(training=False))
    variants = {"": TEST, WITHOUT: CONTROL} if uses else {"": TEST}
    with evaluating(learner):
        columns = meta_test(embed_once(test, variants.values()), variants, "meta-test")
    return Evaluation(columns, episodes.spec)


def _span(size: Range) -> str:
    return str(size.low) if size.fixed else f"{size.low}–{size.high}"
