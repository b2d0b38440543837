"""The steps of a search, from the words of its command line to its report."""

from collections.abc import Sequence
from functools import partial

import optuna
from optuna.trial import FrozenTrial, TrialState

from metassl.cli.folders import made_folder
from metassl.cli.search_options import SearchOptions
from metassl.cli.search_space import Space
from metassl.errors import ConfigError
from metassl.experiments.failures import tell_failed
from metassl.experiments.parallel import run_in_parallel
from metassl.instantiate import instantiate
from metassl.outcomes.scores import Score
from metassl.search.definition import Definition, changes_results
from metassl.search.final_runs import final_runs
from metassl.search.going_on import alone_in
from metassl.search.loop import Plan, Search
from metassl.search.progress import TrialProgress
from metassl.search.pruning import build_pruner
from metassl.search.record import SearchRecord, home_of, write_record_file
from metassl.search.report.report import write_search_report
from metassl.search.sampling import build_sampler, grid
from metassl.search.storage import without_password
from metassl.search.study import best_trial, ended_trials, open_study
from metassl.search.trial import TrialTask
from metassl.shipped import conf_folder

TRIALS = 30


def do_search(options: SearchOptions) -> int:
    """See `metassl.cli.search.search`."""
    space = Space(options)
    trials = _trials(options, space)
    score: Score = instantiate(space.config.outcome).score
    made_folder("out", options.out)
    with alone_in(options.out):
        study = _study(options, space, score)
        record = _record(options, space, trials)
        write_record_file(options.out, record)
        _say(options, space, study, trials)
        plan = _plan(options, space, trials, record)
        Search(study, plan, options.out, TrialProgress(study, score, trials)).run(options.launcher)
        ended = ended_trials(study)
        best = best_trial(ended, score.higher)
        failed = sum(trial.state == TrialState.FAIL for trial in ended)
        if best is not None and options.seeds:
            failed += _final_runs(options, space, best)
        text, paths = write_search_report(options.out, study, record)
    print(f"\n{text}")
    print("\n".join(map(str, paths)))
    return 1 if failed or best is None else 0


def _trials(options: SearchOptions, space: Space) -> int:
    """How many are wanted; of a grid all, and no more than there are."""
    if options.sampler != "grid":
        return options.trials or TRIALS
    count = 1
    for values in grid(space.parameters).values():
        count *= len(values)
    if options.trials is not None and options.trials > count:
        raise ConfigError(f"trials: found {options.trials}, the grid has {count}.")
    return options.trials or count


def _study(options: SearchOptions, space: Space, score: Score) -> optuna.Study:
    trainer = space.config.trainer
    definition = Definition(
        words=tuple(word for word in options.words if changes_results(word)),
        space={each.key: each.text for each in space.parameters},
        seed=options.seed,
        sampler=options.sampler,
        pruner=options.pruner,
        score=score.name,
    )
    sampler = build_sampler(options.sampler, space.parameters, options.seed, options.jobs)
    pruner = build_pruner(options.pruner, trainer.steps, trainer.val_every)
    return open_study(options.storage, options.study, definition, sampler, pruner)


def _record(options: SearchOptions, space: Space, trials: int) -> SearchRecord:
    return SearchRecord(
        storage=None if options.private else without_password(options.storage),
        study=options.study,
        home=home_of(options.out),
        words=tuple(options.words),
        seeds=options.seeds,
        defaults={each.key: space.default(each.key) for each in space.parameters},
        trials=trials,
    )


def _plan(options: SearchOptions, space: Space, trials: int, record: SearchRecord) -> Plan:
    trainer = space.config.trainer
    template = partial(
        TrialTask,
        out=options.out,
        conf=conf_folder(),
        place=options.storage,
        study=options.study,
        pruner=build_pruner(options.pruner, trainer.steps, trainer.val_every),
        vouched=tuple(options.vouched),
    )
    return Plan(
        space=space.parameters,
        words=(*options.words, f"seed={options.seed}", "evaluation.split=val"),
        trials=trials,
        jobs=options.jobs,
        home=record.home,
        private=options.private,
        template=template,
    )


def _say(options: SearchOptions, space: Space, study: optuna.Study, trials: int) -> None:
    """What is searched, and how far it is."""
    print(f"search of {len(space.parameters)} keys by {options.sampler}, pruned by {options.pruner}:")
    for each in space.parameters:
        print(f"  {each.key}={each.text}")
    print(f"{trials} trials, {len(ended_trials(study))} done already", flush=True)


def _final_runs(options: SearchOptions, space: Space, best: FrozenTrial) -> int:
    """Trains and tests what is chosen, and the defaults; how many runs failed."""
    values = [each.word(best.params[each.key]) for each in space.parameters]
    runs = final_runs(options.words, values, best.number, options.seeds).all
    print(f"trial {best.number} and the defaults, with fresh seeds, on test classes:")
    failed: Sequence = run_in_parallel(runs, options.out, conf_folder(), options.jobs, options.launcher)
    tell_failed(failed, options.out)
    return len(failed)
