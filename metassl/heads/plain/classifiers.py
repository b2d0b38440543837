"""The classifiers of scikit-learn that are heads: model=rfs classifier=...

Legend: N way, m items to classify, D features.
"""

from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from metassl.heads.plain.head import Floats, PlainHead
from metassl.schema.ranges import Count, Positive, Share, Switch

ITERATIONS = 1000


class Logistic(PlainHead):
    """Classifies by logistic regression.

    Source: Tian et al. 2020 (RFS), section 3; scikit-learn's LogisticRegression, of several classes at once,
    by L-BFGS.

    Args:
        cost: C, 1 over the weight of the penalty ½‖W‖².
        unit_length: see PlainHead.
    """

    def __init__(self, cost: Positive = 1.0, unit_length: Switch = True) -> None:
        super().__init__(unit_length)
        self.cost = cost

    def made(self, rows: int) -> LogisticRegression:
        """See PlainHead."""
        return LogisticRegression(C=self.cost, max_iter=ITERATIONS)


class SupportVectors(PlainHead):
    """Classifies by a linear support vector machine.

    Source: scikit-learn's SVC; it parts each pair of classes, and its scores sum the pairs up.

    Args:
        cost: C.
        unit_length: see PlainHead.
    """

    def __init__(self, cost: Positive = 1.0, unit_length: Switch = True) -> None:
        super().__init__(unit_length)
        self.cost = cost

    def made(self, rows: int) -> SVC:
        """See PlainHead."""
        return SVC(kernel="linear", C=self.cost)

    def scores(self, fitted: Any, x: Floats) -> Floats:
        """[m, classes] distances from the boundaries; two classes have one."""
        found: Floats = fitted.decision_function(x)
        return found if found.ndim == 2 else np.stack((-found, found), 1)


class Neighbours(PlainHead):
    """Classifies by the classes of the nearest rows.

    Source: scikit-learn's KNeighborsClassifier.

    Args:
        neighbours: k; no more than there are rows.
        unit_length: see PlainHead.
    """

    takes_weights = False

    def __init__(self, neighbours: Count = 1, unit_length: Switch = True) -> None:
        super().__init__(unit_length)
        self.neighbours = neighbours

    def made(self, rows: int) -> KNeighborsClassifier:
        """See PlainHead."""
        return KNeighborsClassifier(min(self.neighbours, rows))


class Forest(PlainHead):
    """Classifies by a random forest, grown from the same random numbers in every task.

    Its samples go by the places of the rows, so another order of them is another forest.

    Source: Breiman 2001; scikit-learn's RandomForestClassifier.

    Args:
        trees: how many.
        unit_length: see PlainHead.
    """

    def __init__(self, trees: Count = 100, unit_length: Switch = False) -> None:
        super().__init__(unit_length)
        self.trees = trees

    def made(self, rows: int) -> RandomForestClassifier:
        """See PlainHead."""
        return RandomForestClassifier(self.trees, random_state=0)


class Spreading(PlainHead):
    """Spreads the labels over a graph of labelled and unlabelled rows.

    Source: Zhou et al. 2004; scikit-learn's LabelSpreading with a graph of nearest neighbours.

    Args:
        neighbours: of a row in the graph; no more than there are others.
        alpha: share of what a row hears from its neighbours.
        unit_length: see PlainHead.
    """

    takes_weights = False
    reads_unlabelled = True
    refit_weight = 0.0

    def __init__(self, neighbours: Count = 10, alpha: Share = 0.2, unit_length: Switch = True) -> None:
        super().__init__(unit_length)
        self.neighbours, self.alpha = neighbours, alpha

    def made(self, rows: int) -> LabelSpreading:
        """See PlainHead."""
        neighbours = min(self.neighbours, rows - 1)
        return LabelSpreading(kernel="knn", n_neighbors=neighbours, alpha=self.alpha, max_iter=300)


class SelfTraining(PlainHead):
    """Classifies by logistic regression that takes on its own sure answers as labels, round after round.

    Source: Yarowsky 1995; scikit-learn's SelfTrainingClassifier.

    Args:
        cost: C of the logistic regression.
        threshold: how sure an answer has to be to become a label.
        unit_length: see PlainHead.
    """

    takes_weights = False
    reads_unlabelled = True
    refit_weight = 0.0

    def __init__(self, cost: Positive = 1.0, threshold: Share = 0.75, unit_length: Switch = True) -> None:
        super().__init__(unit_length)
        self.cost, self.threshold = cost, threshold

    def made(self, rows: int) -> SelfTrainingClassifier:
        """See PlainHead."""
        inner = LogisticRegression(C=self.cost, max_iter=ITERATIONS)
        return SelfTrainingClassifier(inner, threshold=self.threshold)
