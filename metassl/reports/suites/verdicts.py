"""Ours against the published value: difference, spread, and what follows. Shares are in percent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from metassl.evaluation.intervals import over_seeds
from metassl.outcomes.scores import ACCURACY, Score
from metassl.reports.cells import Tone

NOT_RUN = "not run"
TONES: Mapping[str, Tone] = {"reproduced": "good", "above": "good", "below": "bad"}


@dataclass(frozen=True)
class Verdict:
    """How our result stands to the published one, in one cell of a table.

    Attributes:
        score: what is compared.
        published: the paper's value, None where there is none.
        read: whether it was read in the source, and not quoted from memory.
        mean: ours, over the seeds; None before any is run.
        spread: standard deviation over the seeds; nan for one.
        half_width: of the 95% interval of the mean over the seeds (Student's t); nan for one.
        ci: mean of the seeds' half widths of the 95% interval over the test episodes.
        seeds: which were run.
        tolerance: how far ours may be off.
        budget: what makes the two incomparable, such as fewer steps; "" for nothing.
        reduced: whether ours are on reduced data; then nothing is published for them.
        values: ours, of each seed.
        validation: ours on validation classes, over the seeds; None where a seed has none stored.
    """

    score: Score
    published: float | None
    read: bool
    mean: float | None
    spread: float
    half_width: float
    ci: float
    seeds: tuple[int, ...]
    tolerance: float
    budget: str
    reduced: bool
    values: tuple[float, ...] = ()
    validation: float | None = None

    @property
    def digits(self) -> int:
        """Decimals that its numbers are written with."""
        return 2 if self.score.percent else 3

    @property
    def difference(self) -> float | None:
        """Ours minus the published value."""
        return None if self.mean is None or self.published is None else self.mean - self.published

    @property
    def word(self) -> str:
        """reproduced (within the tolerance), above, below; or why there is no verdict."""
        if self.mean is None:
            return NOT_RUN
        if self.reduced:
            return "reduced data"
        if self.difference is None:
            return "no published value"
        if self.budget:
            return f"not comparable: {self.budget}"
        if abs(self.difference) <= self.tolerance:
            return "reproduced"
        return "above" if self.difference > 0 else "below"

    @property
    def tone(self) -> Tone:
        """The colour of the word."""
        return TONES.get(self.word, "unsure")


Verdicts = Mapping[tuple[str, str], Verdict]  # by row and column


def verdict(
    published: Mapping[str, Any], records: Mapping[int, Mapping[str, Any]], score: Score = ACCURACY
) -> Verdict:
    """The verdict on the records of some seeds, with the `published` block of the experiment."""
    values = [score.factor * cell[score.name]["mean"] for cell in records.values()]
    interval = over_seeds(values) if values else None
    reduced = any(cell["reduced"] for cell in records.values())
    return Verdict(
        score,
        None if reduced else published.get(score.name),
        bool(published.get("read", True)),
        None if interval is None else interval.mean,
        float(np.std(values, ddof=1)) if len(values) > 1 else nan,
        nan if interval is None else interval.half_width,
        _mean_ci(list(records.values()), score),
        tuple(records),
        float(published.get("tolerance", 0.5)),
        str(published.get("budget") or ""),
        reduced,
        tuple(values),
        _validation(list(records.values()), score),
    )


def _mean_ci(cells: Sequence[Mapping[str, Any]], score: Score) -> float:
    widths = [score.factor * cell[score.name]["ci95"] for cell in cells]
    return float(np.mean(widths)) if widths else nan


def _validation(cells: Sequence[Mapping[str, Any]], score: Score) -> float | None:
    """The validation of trainings; a test of the validation classes is one itself."""
    stored = (cell[score.name] if cell.get("split") == "val" else cell.get("validation") for cell in cells)
    means = [None if found is None else score.factor * float(found["mean"]) for found in stored]
    known = [mean for mean in means if mean is not None]
    return float(np.mean(known)) if known and len(known) == len(cells) else None
