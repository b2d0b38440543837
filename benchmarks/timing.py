"""Contenders side by side: each in a process of its own, timed in turn, so that all meet the same noise."""

import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from metassl.files import write_json
from metassl.provenance import git_state, hardware

RESULTS = Path(__file__).parent / "results" / "speed"


@dataclass(frozen=True)
class Work:
    """What one contender does, made in its own process.

    Attributes:
        run: one round of the work.
        value: what the work results in, to be compared between the contenders; asked for once.
        note: anything worth a remark, such as what an automatic choice picked.
        main: what the process's main thread has to do meanwhile, for work that can't be called in pieces.
    """

    run: Callable[[], object]
    value: Callable[[], Any]
    note: Callable[[], str] = str
    main: Callable[[], object] | None = None


@dataclass(frozen=True)
class Contender:
    """A name, and what makes its work: a function at module level and its arguments."""

    name: str
    make: Callable[..., Work]
    args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Seconds of each round, what the work resulted in, its note, and the process's peak memory in MB."""

    seconds: list[float]
    value: Any
    note: str
    peak_mb: float

    @property
    def median(self) -> float:
        """Median seconds of a round."""
        return statistics.median(self.seconds)


def race(contenders: Sequence[Contender], rounds: int, warmup: int = 1) -> dict[str, Outcome]:
    """Every contender's rounds, one of each in turn."""
    context = get_context("spawn")
    pipes, processes, values = [], [], []
    for contender in contenders:
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, contender), daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)
        values.append(_ask(here, "value"))  # before the next begins: what it sets up may be timed
    for _ in range(warmup):
        for pipe in pipes:
            _ask(pipe, "run")
    seconds: list[list[float]] = [[] for _ in pipes]
    for _ in range(rounds):
        for pipe, own in zip(pipes, seconds, strict=True):
            own.append(_ask(pipe, "run"))
    ends = [_ask(pipe, "end") for pipe in pipes]
    for process in processes:
        process.join()
    parts = zip(contenders, seconds, values, ends, strict=True)
    return {c.name: Outcome(s, v, note, peak) for c, s, v, (note, peak) in parts}


def _ask(pipe: Connection, what: str) -> Any:
    pipe.send(what)
    answer = pipe.recv()
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _serve(pipe: Connection, contender: Contender) -> None:
    try:
        work = contender.make(*contender.args)
    except Exception as error:
        pipe.recv()
        pipe.send(error)
        return
    if work.main is None:
        _answer(pipe, work)
    else:
        answers = threading.Thread(target=_answer, args=(pipe, work))
        answers.start()
        threading.Thread(target=_end_after, args=(answers,), daemon=True).start()
        work.main()


def _end_after(thread: threading.Thread) -> None:
    thread.join()
    os._exit(0)  # the main thread's work has no end


def _answer(pipe: Connection, work: Work) -> None:
    while True:
        what = pipe.recv()
        if what == "run":
            began = time.perf_counter()
            work.run()
            pipe.send(time.perf_counter() - began)
        elif what == "value":
            pipe.send(work.value())
        else:
            pipe.send((work.note(), peak_mb()))
            return


def peak_mb() -> float:
    """The most memory that this process ever had, in MB (Linux: KB in ru_maxrss)."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ratios(slow: Outcome, fast: Outcome) -> dict[str, float]:
    """How many times faster `fast` is, round by round: median, least and most."""
    each = [s / f for s, f in zip(slow.seconds, fast.seconds, strict=True)]
    return {"median": statistics.median(each), "min": min(each), "max": max(each)}


def save(name: str, rows: Sequence[dict[str, Any]], command: str) -> Path:
    """Writes rows, command, hardware and commit to benchmarks/results/speed."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    about = {
        "command": command,
        **git_state(),
        "hardware": hardware(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }
    write_json(path, {"about": about, "rows": list(rows)})
    return path
