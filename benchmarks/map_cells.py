"""Cells of a map an hour, and where a cell's time goes: python -m benchmarks.map_cells [before=../checkout].

A map of small cells, as a whole command with one job, by this checkout and by an earlier one in turn, so that
both meet the same noise. CPU seconds are those of all processes of a command.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing import save

ROOT = Path(__file__).parent.parent
MODELS, OBJECTIVES, SEEDS = (
    ("protonet", "maml"),
    ("none", "soft_kmeans", "pseudo_label", "entropy"),
    (0, 1, 2),
)
CELLS = len(MODELS) * len(OBJECTIVES) * len(SEEDS)
SMALL = (
    "trainer.steps=4", "trainer.val_every=4", "evaluation.episodes=10", "evaluation.val_episodes=10",
    "backbone.filters=8", "trainer.accelerator=cpu",
)  # fmt: skip
ROUNDS = 3
SUBREAPER = 36  # of prctl: processes whose parent has ended become this one's, and are counted
Seconds = tuple[float, float]  # on the clock, and of CPU


def main() -> None:
    """Prints and stores both."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    contenders = {"before": Path(given["before"])} if "before" in given else {}
    contenders["now"] = ROOT
    found: dict[str, list[Seconds]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(int(given.get("rounds", ROUNDS))):
            for name, checkout in contenders.items():
                found[name].append(whole_map(checkout, Path(folder) / f"{name}-{number}"))
                print(f"round {number}, {name}: %.1f s, CPU %.1f s" % found[name][-1], flush=True)
        check_equal([Path(folder) / f"{name}-0" for name in contenders])
        rows = [row(name, seconds, found[next(iter(contenders))]) for name, seconds in found.items()]
        rows += [{"name": part, "cpu": cpu} for part, cpu in parts(Path(folder) / "parts").items()]
    print("\n".join(map(json.dumps, rows)))
    save("map_cells", rows, "python -m benchmarks.map_cells before=...")


def whole_map(checkout: Path, out: Path) -> Seconds:
    """The whole command."""
    words = [
        f"out={out}", f"models=[{','.join(MODELS)}]", f"ssl=[{','.join(OBJECTIVES)}]",
        f"seeds=[{','.join(map(str, SEEDS))}]", "jobs=1", *SMALL, f"paths.twin_dir={out / 'twins'}",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(checkout)}
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    began, before = time.perf_counter(), _cpu()
    subprocess.run(
        [sys.executable, "-m", "metassl", "map", *words],
        cwd=checkout, env=env, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    while True:  # what the command has left: the process that its workers were forked from
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return seconds, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check_equal(folders: Sequence[Path]) -> None:
    """Every cell has the same numbers, to the bit, whoever made it."""
    for model in MODELS:
        for ssl in OBJECTIVES:
            cells = [folder / f"{model}-{ssl}-{SEEDS[0]}" for folder in folders]
            each = [json.loads((cell / "results.json").read_text()) for cell in cells]
            kept = [{k: v for k, v in found.items() if k not in ("wall_seconds", "commit")} for found in each]
            assert all(found == kept[0] for found in kept), f"{model} {ssl}: other numbers"


def row(name: str, seconds: Sequence[Seconds], first: Sequence[Seconds]) -> dict[str, Any]:
    """Medians of the rounds, and of the ratios to the first contender round by round."""
    wall, cpu = (median(values) for values in zip(*seconds, strict=True))
    times = [[b / n for b, n in zip(old, new, strict=True)] for old, new in zip(first, seconds, strict=True)]
    ratio = [median(values) for values in zip(*times, strict=True)]
    return {
        "name": name, "seconds": wall, "cpu": cpu, "cells_an_hour": 3600 * CELLS / wall,
        "times_faster": ratio[0], "times_less_cpu": ratio[1],
    }  # fmt: skip


def parts(out: Path) -> dict[str, float]:
    """CPU seconds of the parts of a cell (protonet, soft k-means), in a process that has done one before."""
    spent: dict[str, float] = defaultdict(float)
    with timed(spent, "import, once a sweep"):
        from metassl.experiments.launchers import preloaded  # noqa: F401
    import metassl.training.run as run
    from metassl.experiments.composing import Composer, compose_run
    from metassl.experiments.execute import execute_run
    from metassl.experiments.kept import Kept
    from metassl.experiments.planned_runs import every_pair
    from metassl.shipped import conf_folder
    from metassl.training import final_test, twin_tests

    common = ["experiment=map", *SMALL, f"paths.twin_dir={out / 'twins'}"]
    runs = every_pair(MODELS[:1], OBJECTIVES, SEEDS[:1], common)
    composer, kept = Composer(conf_folder()), Kept()
    for each in runs[:2]:
        execute_run(kept, each, out, conf_folder(), composer.composed(each.words).packed())
    spent_of = {"training": (run, "meta_train"), "meta-test": (run, "final_test")}
    for part, (module, name) in spent_of.items():
        setattr(module, name, timing(spent, part, getattr(module, name)))
    final_test.scored = timing(spent, "of it the twin's, once a worker and twin", final_test.scored)
    chosen = runs[2]
    with timed(spent, "composing by Hydra, once an option"):
        compose_run(chosen.words, conf_folder())
    composer.composed(chosen.words)
    with timed(spent, "composing from options that are known"):
        packed = composer.composed(chosen.words).packed()
    kept.__dict__["twins"] = twin_tests.TwinTests()
    with timed(spent, "the cell, its config given"):
        execute_run(kept, chosen, out, conf_folder(), packed)
    return dict(spent)


@contextmanager
def timed(spent: dict[str, float], part: str) -> Iterator[None]:
    """Adds the CPU seconds of a block."""
    before = time.process_time()
    yield
    spent[part] += time.process_time() - before


def timing(spent: dict[str, float], part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose CPU seconds are added."""

    def called(*args: Any, **kwargs: Any) -> Any:
        with timed(spent, part):
            return function(*args, **kwargs)

    return called


if __name__ == "__main__":
    main()
