"""The meta-test of a learner, of its twin, and of its controls, on the same episodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch

from metassl.evaluation.diagnostics import diagnose, mean_values
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.meta_test import OF_EPISODES, Columns, findings, meta_test
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.tasks.stage import CONTROL, TEST

# Behind the name of what is measured:
TWIN = "_twin"  # trained without U
UNBALANCED = "_unbalanced"  # the learner, on U with more of some classes than of others
DEPRIVED = "_deprived"  # the learner that was trained with U, without it
UNTRAINED = "_untrained"


@dataclass(frozen=True)
class Contenders:
    """Who is tested besides the learner, each on the same episodes.

    Attributes:
        untrained: the initial weights of the same seed, adapted like the trained ones.
        twin: gives what the same training without U scores, see `scored`; None for a learner that has none.
        unbalanced: the learner on the same supports and queries with unbalanced U; None: not tested.
    """

    untrained: MetaTest
    twin: Callable[[], Columns] | None = None
    unbalanced: MetaTest | None = None


@dataclass(frozen=True)
class Measurements:
    """What a meta-test measured.

    Attributes:
        columns: values of every test episode.
        few: values of the first of these episodes, of the controls that are no more than diagnostics.
        unlabelled: what became of U on these first episodes, see `diagnose`.
        findings: what the learner found of every episode besides its scores.
        outcome: what the tasks ask for.
    """

    columns: Columns
    few: Columns
    unlabelled: Mapping[str, float]
    findings: Columns = field(default_factory=dict)
    outcome: Outcome = CLASSES


def evaluate(test: MetaTest, others: Contenders, few: int) -> Measurements:
    """Tests a trained learner, its twin and its controls on the same episodes.

    What U is worth is the difference to the twin. The learner deprived of U, with the same number of steps,
    is a diagnostic: it meets what it was never trained for.

    Args:
        test: the trained learner, how its tasks run, and the episodes.
        others: who is compared with it.
        few: on how many of the episodes the diagnostics are.
    """
    learner, outcome = test.learner, test.stream.builder.outcome
    uses = bool(learner.ssl.inner_views(training=False))
    fast = embed_once(test, (TEST, CONTROL) if uses else (TEST,))
    columns, found_besides = meta_test(fast, {"": TEST}, "meta-test"), findings(fast, TEST)
    if others.twin is not None:
        columns |= others.twin()
    if others.unbalanced is not None:
        columns |= scored(others.unbalanced, UNBALANCED)
    fast = replace(fast, stream=fast.stream.first(few))
    diagnostics = _of(replace(others.untrained, stream=others.untrained.stream.first(few)), UNTRAINED)
    if uses:
        diagnostics |= _own(meta_test(fast, {DEPRIVED: CONTROL}, "deprived of U"))
    with torch.no_grad():
        found = [diagnose(fast.learner, fast.engine, batch, TEST) for batch in fast.batches()]
    unlabelled = mean_values([values for part in found for values in part])
    return Measurements(columns, diagnostics, unlabelled, found_besides, outcome)


def scored(test: MetaTest, name: str) -> Columns:
    """What a contender scores on each episode, with `name` behind that of each measure."""
    return _of(embed_once(test, [TEST]), name)


def _of(test: MetaTest, name: str) -> Columns:
    """The columns of one contender, without what is in those of all."""
    return _own(meta_test(test, {name: TEST}, f"meta-test, {name.strip('_')}"))


def _own(columns: Columns) -> Columns:
    return {name: values for name, values in columns.items() if name not in OF_EPISODES}
