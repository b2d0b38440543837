"""The default logger: one CSV file that survives a kill and a resume."""

import csv
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from metassl.errors import DataError
from metassl.files import write_atomically
from metassl.runs.curves import read_rows, step_of

SHARE = 0.01  # of the run's time that may go into writing


class CSVLog(Logger):
    """`metrics.csv`: a row a logged step, a column a metric, empty cells where none was logged.

    After a resume the rows up to the checkpoint's step are kept and later ones, which the resumed
    run writes anew, are dropped.

    Args:
        folder: where `metrics.csv` lies.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.path = Path(folder) / "metrics.csv"
        self.rows: dict[int, dict[str, float | str]] = {}
        self._wrote, self._took = 0.0, 0.0  # when, and how long it took

    @property
    def name(self) -> str:
        """Nothing: the run's folder says what the run is."""
        return ""

    @property
    def version(self) -> str:
        """Nothing, as for `name`."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The resolved config is a file of its own."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Adds values to the row of a step."""
        row = self.rows.setdefault(int(step or 0), {})
        row.update({name: value for name, value in metrics.items() if name != "epoch"})

    @rank_zero_only
    def keep_until(self, step: int) -> None:
        """Reads the file of the run that is resumed, up to and with `step`. DataError for a damaged one."""
        if not self.path.exists():
            return
        for number, row in enumerate(read_rows(self.path), 1):
            try:
                at = step_of(row["step"])
            except (KeyError, ValueError) as error:
                raise DataError(f"{self.path}: row {number} has no step ({error}).") from None
            if at <= step:
                self.rows[at] = {k: v for k, v in row.items() if k and k != "step" and v}

    @rank_zero_only
    def save(self) -> None:
        """Writes all rows, where that takes little of the run's time: it is asked at every row."""
        if time.monotonic() - self._wrote > self._took / SHARE:
            self.write()

    @rank_zero_only
    def write(self) -> None:
        """Writes all rows."""
        if self.rows:
            began = time.monotonic()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, self._write)
            self._wrote = time.monotonic()
            self._took = self._wrote - began

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Writes all rows."""
        self.write()

    def _write(self, path: Path) -> None:
        columns = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["step", *columns])
            writer.writeheader()
            writer.writerows({"step": step, **row} for step, row in sorted(self.rows.items()))
