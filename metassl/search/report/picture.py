"""The history and the slices of a search as a PNG file, for where a page can't draw."""

from pathlib import Path

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from metassl.reports.drawing import label, new_figure, save_png
from metassl.reports.looks import COLOURS
from metassl.search.report.facts import SearchFacts


def draw_search(facts: SearchFacts, path: Path) -> None:
    """Draws the score of each trial over time, and over each key."""
    figure = new_figure(4.0 * (1 + len(facts.space)), 3.2)
    axes = figure.subplots(1, 1 + len(facts.space), sharey=True, squeeze=False)[0]
    for state, colour, size in ((TrialState.COMPLETE, COLOURS[0], 18), (TrialState.PRUNED, COLOURS[1], 9)):
        trials = [t for t in facts.trials if t.state == state and t.value is not None]
        values = [facts.score.factor * (t.value or 0.0) for t in trials]
        name = "done" if state == TrialState.COMPLETE else "ended early"
        axes[0].scatter([t.number for t in trials], values, size, colour, label=name)
        for axis, each in zip(axes[1:], facts.space, strict=True):
            shown = [t.params[each.key] for t in trials]
            places = [each.shown(v) for v in shown] if _named(each.distribution) else shown
            axis.scatter(places, values, size, colour)
    axes[0].set(xlabel="trial", ylabel=f"validation {facts.score.label}")
    axes[0].legend()
    for axis, each in zip(axes[1:], facts.space, strict=True):
        axis.set_xlabel(label(each.key))
        found = each.distribution
        if isinstance(found, FloatDistribution | IntDistribution) and found.log:
            axis.set_xscale("log")
    save_png(figure, path)


def _named(found: object) -> bool:
    return isinstance(found, CategoricalDistribution)
