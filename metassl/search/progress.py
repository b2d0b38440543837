"""Says how each trial of a search ended, and which is the best so far."""

import optuna
from optuna.trial import FrozenTrial, TrialState

from metassl.outcomes.scores import Score
from metassl.search.loop import WHY
from metassl.search.study import best_trial, ended_trials


class TrialProgress:
    """Prints a line a trial.

    Args:
        study: that they are of.
        score: by which they are compared.
        total: trials that are wanted.
    """

    def __init__(self, study: optuna.Study, score: Score, total: int) -> None:
        self.study, self.score, self.total = study, score, total

    def __call__(self, trial: FrozenTrial) -> None:
        """Says how it ended."""
        ended = ended_trials(self.study)
        best = best_trial(ended, self.score.higher)
        values = " ".join(f"{key}={_short(value)}" for key, value in trial.params.items())
        top = "" if best is None else f" (best {said(self.score, best.value)}, trial {best.number})"
        print(
            f"[{len(ended)}/{self.total}] trial {trial.number}: {self._end(trial)}{top} {values}", flush=True
        )

    def _end(self, trial: FrozenTrial) -> str:
        if trial.state == TrialState.COMPLETE:
            return said(self.score, trial.value)
        return f"{trial.state.name.lower()} ({trial.user_attrs.get(WHY, 'no reason known')})"


def said(score: Score, value: float | None) -> str:
    """A value of a score as people read it."""
    if value is None:
        return "–"
    return f"{score.factor * value:.1f} %" if score.percent else f"{score.name} {value:.3g}"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
