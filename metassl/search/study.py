"""Opens a study: makes it, or finds it again and sees to it that it is the same."""

import json
from collections.abc import Sequence

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from metassl.errors import ConfigError, DataError
from metassl.outcomes.scores import KNOWN
from metassl.search.definition import Definition
from metassl.search.storage import open_storage, storage_faults, without_password

DEFINITION = "metassl"  # the study's attribute that holds its definition
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def open_study(
    place: str, name: str, definition: Definition, sampler: BaseSampler, pruner: BasePruner
) -> optuna.Study:
    """The study of this name, which is made where there is none.

    Raises ConfigError where the study is one of another definition, DataError for a storage that can't be
    used.

    Args:
        place: its storage.
        name: of the study.
        definition: what its trials share.
        sampler, pruner: see metassl.search.sampling and pruning.
    """
    storage = open_storage(place, beats=True)
    with storage_faults(place):
        make_study(storage, name, definition)
        study = optuna.load_study(study_name=name, storage=storage, sampler=sampler, pruner=pruner)
        if not study.get_trials(deepcopy=False) and DEFINITION not in study.user_attrs:
            study.set_user_attr(DEFINITION, json.dumps(definition.record()))
        found = study.user_attrs.get(DEFINITION)
    where = f"storage: study '{name}' in {without_password(place)}"
    if found is None:
        raise ConfigError(f"{where} was not made by metassl search. Give another study=... or storage=...")
    line = definition.difference(read_record(found, where), where)
    if line is not None:
        raise ConfigError(line)
    return study


def make_study(storage: BaseStorage, name: str, definition: Definition) -> None:
    """Makes a study where there is none of this name; several processes may try at once."""
    higher = KNOWN[definition.score].higher
    better = StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE
    if name in (summary.study_name for summary in optuna.get_all_study_summaries(storage, False)):
        return
    try:
        optuna.create_study(study_name=name, storage=storage, direction=better)
    except DuplicatedStudyError:  # somebody else was quicker
        return


def find_study(place: str, name: str) -> tuple[optuna.Study, dict]:
    """A study that is there, and the record of its definition. Raises DataError where there is none."""
    said = without_password(place)
    storage = open_storage(place)
    with storage_faults(place):
        names = [summary.study_name for summary in optuna.get_all_study_summaries(storage, False)]
        if name not in names:
            raise DataError(f"storage: {said} holds no study '{name}', it has {', '.join(names) or 'none'}.")
        study = optuna.load_study(study_name=name, storage=storage)
        found = study.user_attrs.get(DEFINITION)
    if found is None:
        raise DataError(f"storage: study '{name}' in {said} was not made by metassl search.")
    return study, read_record(found, f"storage: study '{name}' in {said}")


def read_record(found: object, where: str) -> dict:
    """The record of a definition, as a study keeps it."""
    try:
        record = json.loads(str(found))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{where}: its definition can't be read.")
    return record


def ended_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count: those that are done, were ended early, or failed by a fault of their own.

    One that was left alone by a machine and has been taken up again by another counts once.
    """
    trials = study.get_trials(deepcopy=False)
    again = {number for trial in trials for number in trial.system_attrs.get("retry_history", ())}
    return [trial for trial in trials if trial.state in ENDED and trial.number not in again]


def best_trial(trials: Sequence[FrozenTrial], higher: bool) -> FrozenTrial | None:
    """The best of the trials that are done, the first of equals; None where none is."""
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.value is not None]
    sign = -1.0 if higher else 1.0
    return min(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)
