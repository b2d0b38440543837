"""Seconds from the command to help, and to the first optimiser step: python -m benchmarks.startup.

The default run with prepared data. The end is when the file of metrics gets its first line, which is that of
the first step.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.timing import save

ROOT = Path(__file__).parent.parent
ROUNDS = 5


def main() -> None:
    """Prints and stores medians of whole processes."""
    rows = []
    for name, measure in (
        ("train.py --help", help_seconds),
        ("train.py to the first step", first_step_seconds),
    ):
        measure()  # fills the file cache, and prepares the data
        seconds = [measure() for _ in range(ROUNDS)]
        rows.append({"name": name, "median": median(seconds), "min": min(seconds), "max": max(seconds)})
        print(f"{name}: {median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})", flush=True)
    save("startup", rows, "python -m benchmarks.startup")


def help_seconds() -> float:
    """A whole process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "train.py", "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_step_seconds() -> float:
    """Until the first line of metrics is there; the process is then ended."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"hydra.run.dir={folder}", "trainer.log_every=1", "trainer.progress=false"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "train.py", *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        log = Path(folder) / "metrics.csv"
        while not (log.exists() and len(log.read_text().splitlines()) > 1):
            if process.poll() is not None:
                raise RuntimeError("train.py ended before its first step")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        process.kill()
        process.wait()
    return seconds


if __name__ == "__main__":
    main()
