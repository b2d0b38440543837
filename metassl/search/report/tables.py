"""The tables of a search's report, and what they say in words."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from metassl.evaluation.intervals import Interval, shown
from metassl.reports.blocks import Block, Grid, Paragraph
from metassl.reports.markdown import NOTHING, Bold
from metassl.reports.sweeps.seed_groups import SeedGroup, score, seed_values
from metassl.search.loop import WHY
from metassl.search.progress import said
from metassl.search.report.facts import SearchFacts

MOST = 10  # trials that are listed


def summary(facts: SearchFacts) -> Paragraph:
    """How many trials there were, and how they were compared."""
    done, pruned, failed = map(facts.count, (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
    definition = facts.definition
    return Paragraph(
        f"{len(facts.trials)} trials ({done} done, {pruned} ended early, {failed} failed), sampled by "
        f"{definition.get('sampler')} with seed {definition.get('seed')}, ended early by "
        f"{definition.get('pruner')}. All trials met the same tasks; they are compared by "
        f"{facts.score.title} on validation classes."
    )


def chosen_values(facts: SearchFacts) -> list[Block]:
    """The chosen values beside the defaults."""
    if facts.best is None:
        return [Paragraph("No trial is done, so there is no choice.")]
    rows = [
        [
            each.key,
            each.text,
            facts.record.defaults.get(each.key, NOTHING),
            Bold(_short(facts.chosen[each.key])),
        ]
        for each in facts.space
    ]
    note = (
        f"Trial {facts.best.number}: {said(facts.score, facts.best.value)} on validation classes, the best "
        f"of {facts.count(TrialState.COMPLETE)}, and as such more than it is worth on others."
    )
    return [Grid(["key", "searched", "default", "chosen"], rows), Paragraph(note)]


def _short(value: str) -> str:
    """A value for people: a number to four digits; the command has all of them."""
    try:
        return value if value.lstrip("-").isdigit() else f"{float(value):.4g}"
    except ValueError:
        return value


def best_trials(facts: SearchFacts) -> list[Block]:
    """The best trials, and why others did not end well."""
    done = [trial for trial in facts.trials if trial.state == TrialState.COMPLETE]
    first = sorted(done, key=lambda trial: (-facts.score.improvement(trial.value or 0.0), trial.number))
    head = ["trial", facts.score.label, *(each.key for each in facts.space)]
    blocks: list[Block] = [Grid(head, [_row(facts, trial) for trial in first[:MOST]])]
    failed = [trial for trial in facts.trials if trial.state == TrialState.FAIL]
    if failed:
        rows = [[str(trial.number), str(trial.user_attrs.get(WHY, NOTHING))] for trial in failed]
        blocks.append(Grid(["failed trial", "why"], rows))
    return blocks


def _row(facts: SearchFacts, trial: FrozenTrial) -> list[str]:
    values = [_short(each.shown(trial.params[each.key])) for each in facts.space]
    return [str(trial.number), said(facts.score, trial.value), *values]


def final_table(facts: SearchFacts) -> list[Block]:
    """The choice beside the defaults on the test classes, seed by seed."""
    found = facts.comparison
    if found is None:
        return [Paragraph("The test classes were not looked at (seeds=[], or nothing is done yet).")]
    sides = [found.default, found.chosen]
    each = [_by_seed(group, facts) for group in sides]
    seeds = sorted({seed for values in each for seed in values})
    rows = [[str(seed), *(values.get(seed, NOTHING) for values in each)] for seed in seeds]
    rows.append(["mean", *(_mean(group, facts) for group in sides)])
    blocks: list[Block] = [Grid([f"seed, {facts.score.label}", "defaults", "chosen"], rows)]
    if found.difference is not None:
        gain, verdict = _gain(facts, found.difference.interval)
        over = f"Student's t over {len(seeds)} seeds" if len(seeds) > 1 else "over the episodes of one seed"
        blocks.append(Paragraph(
            f": {gain} (95% interval, {over}; it {verdict}), paired on the same test episodes. Above 0 the "
            "choice is better.", "Chosen against defaults",
        ))  # fmt: skip
    if found.on_validation is not None:
        gain, verdict = _gain(facts, found.on_validation)
        blocks.append(Paragraph(
            f": {gain} (it {verdict}), by the best validation of the same trainings. Whoever puts the choice "
            "in the place of a default decides by this line: the test has to stay unseen.",
            "The same on validation classes",
        ))  # fmt: skip
    return blocks


def _gain(facts: SearchFacts, interval: Interval) -> tuple[str, str]:
    """A difference, and what it says of 0."""
    verdict = "excludes 0" if interval.excludes_zero else "includes 0"
    return shown(facts.score, interval, signed=True), verdict


def _by_seed(group: SeedGroup, facts: SearchFacts) -> dict[int, str]:
    values = seed_values(group, facts.score.name)
    runs = [run for run in group.finished if run.seed is not None]
    pairs = zip(runs, values, strict=False)
    return {run.seed: said(facts.score, value) for run, value in pairs if run.seed is not None}


def _mean(group: SeedGroup, facts: SearchFacts) -> str:
    found = score(group, facts.score.name) if group.finished else None
    return NOTHING if found is None else shown(facts.score, found)


def importances(facts: SearchFacts, found: Sequence[tuple[str, float]]) -> list[Block]:
    """How much each key mattered."""
    if not found:
        return []
    rows = [[key, f"{100 * share:.0f}"] for key, share in found]
    note = (
        "Share of what sets the better trials apart that each key explains (PED-ANOVA, Watanabe et al. "
        "2023). Few trials say little about it."
    )
    return [Grid(["key", "importance, %"], rows), Paragraph(note)]
