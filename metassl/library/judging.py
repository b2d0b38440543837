"""What a trained learner reaches on tasks that it has not met, and what unlabelled items are worth to it."""

from dataclasses import dataclass

from metassl.data.spec import to_count
from metassl.data.task_stream import TaskStream
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.intervals import Interval, gained, over_episodes, shown
from metassl.evaluation.meta_test import CONSTANT, Columns, meta_test
from metassl.evaluation.results import guess_row, worth_rows
from metassl.evaluation.summary import WITHOUT
from metassl.learners.base import MetaLearner
from metassl.library.configs import composed
from metassl.library.episodes import Episodes
from metassl.library.running import engine_name, evaluating, query_logits
from metassl.outcomes.base import Outcome
from metassl.tasks.stage import CONTROL, TEST
from metassl.training.build import build_engine


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The result of a meta-test; printed, it is a table.

    Attributes:
        columns: a value for each task: what the outcome measures, such as "accuracy" (0..1), "loss" and
            "constant" (the score of a guess that knows no input), and with "_without_unlabelled" behind the
            name the same of the control.
        outcome: what the tasks ask for.
        make_up: of the tasks, in words.
    """

    columns: Columns
    outcome: Outcome
    make_up: str

    @property
    def scores(self) -> dict[str, Interval]:
        """By name, the mean of each score over the tasks with its 95% interval; shares are 0..1."""
        return {name: over_episodes(values) for name, values in self.outcome.summary(self.columns).items()}

    @property
    def score(self) -> Interval:
        """The score that decides: the accuracy, where tasks ask for classes."""
        return self.scores[self.outcome.score.name]

    @property
    def without_unlabelled(self) -> Interval | None:
        """The same learner on the same tasks without unlabelled items; None where it uses none anyway."""
        column = self.columns.get(self.outcome.score.name + WITHOUT)
        return None if column is None else over_episodes(column)

    @property
    def gain(self) -> Interval | None:
        """What unlabelled items are worth: the change of the score, paired; above 0 they help."""
        name = self.outcome.score.name
        if name + WITHOUT not in self.columns:
            return None
        return gained(self.outcome.score, self.columns[name], self.columns[name + WITHOUT])

    def __repr__(self) -> str:
        """The table."""
        score, control, gain = self.outcome.score, self.without_unlabelled, self.gain
        rows = worth_rows(score, self.score, control, gain)
        rows += [(other.title, shown(other, self.scores[other.name])) for other in self.outcome.scores[1:]]
        rows.append(guess_row(score, over_episodes(self.columns[CONSTANT])))
        width = max(len(text) for text, _ in rows)
        unit = " in %" if score.percent else ""
        head = f"{self.score.n} tasks: {self.make_up}; {score.title}{unit}, mean ± 95% interval"
        return "\n".join([head, *(f"  {text:<{width}}  {value}" for text, value in rows)])


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
    50 tasks: 5-way 1-shot, 10 unlabelled and 5 queries a class, ...; accuracy in %, mean ± 95% interval
      with unlabelled examples      ... ± ...
      the same without them         ... ± ...
      what they are worth (paired)  +... ± ...  (CI excludes 0)
      a guess that knows no input   20.0
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
    return Evaluation(columns, episodes.task.outcome, episodes.make_up.sentence())
