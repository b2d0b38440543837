"""Search hyper-parameters for a pair, on validation classes, and say what the choice is worth.

    metassl search model=protonet ssl=soft_kmeans 'ssl.refit_weight=log_interval(0.1,10)' out=outputs/search
    metassl search model=maml ssl=fixmatch out=outputs/search trials=50 jobs=2   # the ready-made space

A key is searched whose value is interval(a,b), log_interval(a,b), int_interval(a,b), range(a,b,step) or
choice(a,b,c); every other word is an option of metassl train and holds for all trials. Models and objectives
bring a space of their own (conf/search); a word on the line takes the place of it, ready=false leaves it out.

    trials=30          how many are to have ended; typed again with more, the study goes on
    jobs=1             trials side by side; launcher=... says where
    sampler=tpe        tpe, cmaes, gp, random or grid        pruner=hyperband   hyperband, median or none
    seed=0             of the trainings and of the sampler   seeds=[1,2,3]      of the final runs; []: none
    storage=sqlite:///FILE, postgresql://..., mysql://... or journal://FILE; by default a file in out
    study=search       the study's name there: folders that name the same storage and study share the work

Typing the same command again goes on where it was: trials that ended are kept, one that was killed goes on
from its checkpoint with the same values. No trial sees a test class. At the end the best values and the
defaults are trained with fresh seeds and tested once. Writes report.md and report.html into out.
Exit code 1 where a trial or a final run failed, 2 for a user's mistake, 130 when stopped by hand.
"""

from metassl.quick_imports import quick_imports


def search(arguments: list[str]) -> int:
    """Does the trials that are left, the final runs and the report; the exit code, 1 where a run failed."""
    from metassl.cli.search_options import read_search_options  # here, for it imports Optuna

    options = read_search_options(arguments)
    with quick_imports():
        from metassl.cli.search_steps import do_search  # and this torch
    return do_search(options)
