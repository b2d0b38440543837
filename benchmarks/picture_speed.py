"""How long the model `handwriting` takes with 5 classes, 25 labelled and 1,000 unlabelled pictures.

    python -m benchmarks.picture_speed

`fit` and `predict` of 1,000 pictures by MetaClassifier, as arrays of 28 × 28; and the page of `metassl label
serve=true` on as many picture files: from sending a label to having the new order, over HTTP, and what of it
the page says that adapting took. Embedded letters, so that no data are needed. Medians of --rounds, after one
that doesn't count; with the seconds of one core, which say more where others use the machine. Writes
results/speed/picture_speed.json; `python -m benchmarks.report` doesn't read it.
"""

import argparse
import json
import os
import statistics
import time
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from benchmarks.serving import MODEL, letters, letters_folder, served
from benchmarks.timing import save
from metassl import MetaClassifier

LABELLED, OTHERS = 5, 200  # of each of the five classes
STATE = '<script id="state" type="application/json"'
T = TypeVar("T")
Spent = tuple[float, float]
"""Seconds of the clock, and of a core."""


def of_arrays(rounds: int) -> dict[str, list[Spent]]:
    """Rounds of `fit` and of `predict`."""
    x, y = letters(LABELLED, OTHERS)
    model = MetaClassifier.load(MODEL)
    asked = x[-5 * OTHERS :]
    found: dict[str, list[Spent]] = {"fit": [], "predict of 1,000": []}
    for _ in range(rounds + 1):
        found["fit"].append(_spent(partial(model.fit, x, y), time.process_time)[0])
        found["predict of 1,000"].append(_spent(partial(model.predict, asked), time.process_time)[0])
    return found


def of_page(rounds: int) -> dict[str, list[Spent]]:
    """Rounds of a click on the page, and the milliseconds that it shows, as seconds."""
    found: dict[str, list[Spent]] = {"click to new order": [], "of it, as the page says": []}
    with TemporaryDirectory() as folder:
        letters_folder(Path(folder), LABELLED, OTHERS)
        with served(Path(folder)) as (link, process):
            state = _state(link)
            for _ in range(rounds + 1):
                guess = state["guesses"][0]
                said = json.dumps({"place": guess["place"], "label": guess["label"]}).encode()
                click = partial(_asked, link + "label", said)
                (wall, core), answer = _spent(click, partial(_cpu, process))
                state = json.loads(answer)
                found["click to new order"].append((wall, core))
                found["of it, as the page says"].append((state["milliseconds"] / 1000, np.nan))
    return found


def _spent(work: Callable[[], T], core: Callable[[], float]) -> tuple[Spent, T]:
    """What a piece of work took, and what it gave."""
    began, before = time.perf_counter(), core()
    found = work()
    return (time.perf_counter() - began, core() - before), found


def _asked(address: str, said: bytes | None = None) -> bytes:
    with urllib.request.urlopen(address, said) as answer:
        content: bytes = answer.read()
    return content


def _state(link: str) -> Mapping[str, Any]:
    """What the page shows at first."""
    text = _asked(link).decode()
    begin = text.index(">", text.index(STATE)) + 1
    state: Mapping[str, Any] = json.loads(text[begin : text.index("</script>", begin)])
    return state


def _cpu(process: int) -> float:
    """Seconds of a core that a process has had, on Linux."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Prints the table and writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore", "X: ", UserWarning)  # of what is done to the pictures
    rows = []
    for what, spent in {**of_arrays(rounds), **of_page(rounds)}.items():
        clock, core = zip(*spent[1:], strict=True)
        rows.append(
            {"what": what, "seconds": list(clock), "core_seconds": None if np.isnan(core[0]) else list(core)}
        )
        own = "" if np.isnan(core[0]) else f", {statistics.median(core):.2f} s of a core"
        print(f"{what:<26}{statistics.median(clock):.2f} s ({min(clock):.2f} to {max(clock):.2f}){own}")
    print(f"written to {save('picture_speed', rows, 'python -m benchmarks.picture_speed')}")


if __name__ == "__main__":
    main()
