"""The numbers that say how good predictions are, each with its unit and its direction.

Without torch, so that a report begins at once.
"""

from dataclasses import dataclass

from metassl.errors import DataError, one_of


@dataclass(frozen=True)
class Score:
    """A number that says how good predictions are.

    Attributes:
        name: in results and tables.
        title: what it is, in words.
        higher: whether more is better.
        percent: whether it is a share that people read in per cent.
    """

    name: str
    title: str
    higher: bool
    percent: bool

    @property
    def opening(self) -> str:
        """The title as the first words of a sentence."""
        first = self.title.split()[0]
        return self.title[0].upper() + self.title[1:] if first.islower() else self.title

    @property
    def label(self) -> str:
        """The title with its unit, as an axis has it."""
        return f"{self.title} (%)" if self.percent else self.title

    @property
    def test_label(self) -> str:
        """The same of a test, with its direction where less is better."""
        return f"test {self.label}{'' if self.higher else ' (less is better)'}"

    @property
    def factor(self) -> float:
        """From the stored number to the one that people read: 100 of a share."""
        return 100.0 if self.percent else 1.0

    def improvement(self, change: float) -> float:
        """A change of the score, or of a mean of it, as what was gained: above 0 is better."""
        return change if self.higher else 0.0 - change  # no change of an error is 0, and not -0


ACCURACY = Score("accuracy", "accuracy", higher=True, percent=True)
MSE = Score("mse", "mean squared error", higher=False, percent=False)
MAE = Score("mae", "mean absolute error", higher=False, percent=False)
RMSE = Score("rmse", "root mean squared error", higher=False, percent=False)
R2 = Score("r2", "explained share of the variance, R²", higher=True, percent=False)
NDCG = Score("ndcg", "nDCG@k", higher=True, percent=True)
NDCG_1, NDCG_3, NDCG_5 = (Score(f"ndcg_{k}", f"nDCG@{k}", higher=True, percent=True) for k in (1, 3, 5))
HIT_RATE = Score("hit_rate", "hit rate@k", higher=True, percent=True)
KNOWN = {
    score.name: score for score in (ACCURACY, MSE, MAE, RMSE, R2, NDCG, HIT_RATE, NDCG_1, NDCG_3, NDCG_5)
}


def score_named(name: str, where: object) -> Score:
    """The score of this name, as results have it. Raises DataError where it is none; `where` is the file."""
    if name not in KNOWN:
        raise DataError(f"{where}: {one_of('score', name, KNOWN)}")
    return KNOWN[name]
