"""Everything that the report of a search says, read from its study and its folder."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from metassl.outcomes.scores import Score, score_named
from metassl.search.final_runs import Comparison, compare, final_runs
from metassl.search.grammar import parse_space_words
from metassl.search.record import SearchRecord
from metassl.search.space import Parameter, parameter
from metassl.search.study import DEFINITION, best_trial, ended_trials, read_record


@dataclass(frozen=True)
class SearchFacts:
    """What is known of a search.

    Attributes:
        study: its trials.
        record: what it left about itself.
        space: its keys.
        score: by which trials are compared.
        definition: the record of what all trials share.
        trials: those that have ended.
        best: of them; None where none is done.
        comparison: of the choice and the defaults on the test classes; None where nothing was tested.
    """

    study: optuna.Study
    record: SearchRecord
    space: Sequence[Parameter]
    score: Score
    definition: Mapping[str, Any]
    trials: Sequence[FrozenTrial]
    best: FrozenTrial | None
    comparison: Comparison | None

    @property
    def chosen(self) -> Mapping[str, str]:
        """Key -> the chosen value, as a command line has it."""
        assert self.best is not None
        return {each.key: each.shown(self.best.params[each.key]) for each in self.space}

    @property
    def command(self) -> str:
        """What a user types to train the chosen configuration."""
        words = [f"{key}={value}" for key, value in self.chosen.items()]
        return shlex.join(["metassl", "train", *self.record.words, *words])

    def count(self, state: TrialState) -> int:
        """How many trials ended so."""
        return sum(trial.state == state for trial in self.trials)


def read_facts(out: Path, study: optuna.Study, record: SearchRecord) -> SearchFacts:
    """Reads a search. Raises DataError where its study or a run is damaged."""
    where = f"study '{record.study}'"
    definition = read_record(study.user_attrs.get(DEFINITION), where)
    words = [f"{key}={text}" for key, text in definition.get("space", {}).items()]
    space = [parameter(word) for word in parse_space_words(words)]
    score = score_named(str(definition.get("score")), where)
    trials = ended_trials(study)
    best = best_trial(trials, score.higher)
    comparison = None
    if best is not None and record.seeds:
        values = [each.word(best.params[each.key]) for each in space]
        found = compare(out, final_runs(record.words, values, best.number, record.seeds))
        comparison = found if found.chosen.finished or found.default.finished else None
    return SearchFacts(study, record, space, score, definition, trials, best, comparison)
