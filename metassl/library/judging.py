"""What a trained learner reaches on tasks that it has not met, and what unlabelled items are worth to it."""

from dataclasses import dataclass

from metassl.data.spec import to_count
from metassl.data.task_stream import TaskStream
from metassl.evaluation.evaluate import DEPRIVED, TWIN
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.intervals import Interval, gained, over_episodes, shown
from metassl.evaluation.meta_test import CONSTANT, Columns, meta_test
from metassl.evaluation.results import DEPRIVED_ROW, guess_row, worth_rows
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
            "constant" (the score of a guess that knows no input), and with "_twin" behind the name the same
            of the twin, with "_deprived" of the learner without the unlabelled items of its training.
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
    def twin(self) -> Interval | None:
        """The score of the twin, which was trained without unlabelled items; None where none was given."""
        return self._control(TWIN)

    @property
    def deprived(self) -> Interval | None:
        """The score of the learner without unlabelled items; None where it uses none anyway.

        A diagnostic: it was not trained for that, so the difference says little about their worth.
        """
        return self._control(DEPRIVED)

    @property
    def gain(self) -> Interval | None:
        """What unlabelled items are worth: the score over the twin's, paired; above 0 they help."""
        name = self.outcome.score.name
        if name + TWIN not in self.columns:
            return None
        return gained(self.outcome.score, self.columns[name], self.columns[name + TWIN])

    def _control(self, name: str) -> Interval | None:
        column = self.columns.get(self.outcome.score.name + name)
        return None if column is None else over_episodes(column)

    def __repr__(self) -> str:
        """The table."""
        score = self.outcome.score
        rows = worth_rows(score, self.score, self.twin, self.gain)
        if self.deprived is not None:
            rows.append((DEPRIVED_ROW, shown(score, self.deprived)))
        rows += [(other.title, shown(other, self.scores[other.name])) for other in self.outcome.scores[1:]]
        rows.append(guess_row(score, over_episodes(self.columns[CONSTANT])))
        width = max(len(text) for text, _ in rows)
        unit = " in %" if score.percent else ""
        head = f"{self.score.n} tasks: {self.make_up}; {score.title}{unit}, mean ± 95% interval"
        return "\n".join([head, *(f"  {text:<{width}}  {value}" for text, value in rows)])


def evaluate(
    learner: MetaLearner,
    episodes: Episodes,
    count: int = 100,
    *,
    twin: MetaLearner | None = None,
    engine: str | None = None,
    tasks: int = 20,
) -> Evaluation:
    """Meta-tests a learner on the first tasks of some episodes; against its twin it says what U is worth.

    It is the command's meta-test. The twin is the same learner with ssl="none", trained with the same budget:
    that the learner itself does worse without the items that it was trained with says little about them.

    Args:
        learner: trained, on its device.
        episodes: of classes that it was not trained on.
        count: number of tasks, episodes[0] to episodes[count - 1].
        twin: trained as the learner was but without unlabelled items; None: nothing is said of their worth.
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
    >>> twin = metassl.learner("protonet", task=test.task)
    >>> result = metassl.evaluate(learner, test, count=50, twin=twin)
    >>> result
    50 tasks: 5-way 1-shot, 10 unlabelled and 5 queries a class, ...; accuracy in %, mean ± 95% interval
      with unlabelled examples          ... ± ...
      their twin: trained without them  ... ± ...
      what they are worth (paired)      +... ± ...  (CI excludes 0)
      this learner, deprived of them    ... ± ...
      a guess that knows no input       20.0
    >>> result.gain.mean > 0, result.columns["accuracy"].shape
    (True, (50,))
    """
    to_count("count", count, 1)
    to_count("tasks", tasks, 1)
    config = composed({"engine": engine or engine_name(learner)}, allowed=("engine",))
    uses = bool(learner.ssl.inner_views(training=False))
    variants = {"": TEST, DEPRIVED: CONTROL} if uses else {"": TEST}
    columns: Columns = {}
    for each, stages in ((learner, variants), (twin, {TWIN: TEST})):
        if each is not None:
            stream = TaskStream(episodes.builder(each), tasks, count)
            query_logits(each, stream.builder(range(1)).episodes.task(0))  # or a line says why not
            test = MetaTest(each, build_engine(config, each), stream)
            with evaluating(each):
                columns |= meta_test(embed_once(test, stages.values()), stages, "meta-test")
    return Evaluation(columns, episodes.task.outcome, episodes.make_up.sentence())
