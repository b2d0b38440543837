"""One person's work on one folder: labels, and a classifier that adapts again after each.

Legend: n pictures, C classes.
"""

import time
import warnings
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from metassl.data.preparing.progress import track
from metassl.data.tables.target import UNKNOWN
from metassl.errors import InputError, one_of
from metassl.library.classifier.by_hand import read_by_hand, write_by_hand
from metassl.library.classifier.estimator import MetaClassifier
from metassl.library.classifier.picture_folder import PictureFolder
from metassl.library.classifier.picture_list import read_pictures
from metassl.library.classifier.trained import model_of
from metassl.serving.usefulness import most_useful

SHOWN = 24  # pictures at a time


@dataclass(frozen=True)
class Guess:
    """What the classifier takes a picture for.

    Attributes:
        place: of the picture among all of the folder.
        file: its path below the folder.
        label, probability: of the most probable class.
    """

    place: int
    file: str
    label: str
    probability: float


@dataclass(frozen=True)
class State:
    """What the page shows.

    Attributes:
        guesses: of the pictures to ask about, the most useful first.
        counts: class -> how many pictures have its label.
        left: pictures without a label.
        given: labels that a person has given.
        milliseconds: that adapting and asking has taken.
    """

    guesses: list[Guess]
    counts: dict[str, int]
    left: int
    given: int
    milliseconds: int


class Session:
    """Labels pictures of a folder by hand. Each change is on disk before it is answered.

    Args:
        folder: of the pictures.
        classifier: with a model of pictures.
    """

    def __init__(self, folder: PictureFolder, classifier: MetaClassifier) -> None:
        self.folder, self.classifier, self.lock = folder, classifier, Lock()
        facts = model_of(classifier.model).facts
        self.x = read_pictures(track(folder.files, folder.path.name), facts)
        self.codes: NDArray[np.int64] = np.array(folder.codes, dtype=np.int64)
        self.names = [str(file.relative_to(folder.path)) for file in folder.files]
        self.by_hand = read_by_hand(folder.path)
        self.features: NDArray[np.float32] | None = None
        self.state = self._adapted()

    def give(self, place: int, label: str) -> State:
        """A picture's label. Raises InputError for a picture or class that there is not."""
        with self.lock:
            if not 0 <= place < len(self.codes) or self.codes[place] != UNKNOWN:
                raise InputError(f"picture: found {place}, allowed is one without a label.")
            if label not in self.folder.classes:
                raise InputError(one_of("label", label, self.folder.classes))
            self._keep({**self.by_hand, self.names[place]: label}, place, self.folder.classes.index(label))
            return self.state

    def undo(self) -> State:
        """The state without the label that was given last, where there is one."""
        with self.lock:
            if self.by_hand:
                last = next(reversed(self.by_hand))
                less = {file: label for file, label in self.by_hand.items() if file != last}
                self._keep(less, self.names.index(last) if last in self.names else None, UNKNOWN)
            return self.state

    def _keep(self, by_hand: dict[str, str], place: int | None, code: int) -> None:
        write_by_hand(self.folder.path, by_hand)
        self.by_hand = by_hand
        if place is not None:
            self.codes[place] = code
        self.state = self._adapted()

    def _adapted(self) -> State:
        began = time.perf_counter()
        asked = np.flatnonzero(self.codes == UNKNOWN)
        guesses: list[Guess] = []
        if len(asked):
            with warnings.catch_warnings():  # of what is done to pictures the command has spoken
                warnings.simplefilter("ignore", UserWarning)
                fitted = self.classifier.fit(self.x, self.codes)
                p = fitted.predict_proba(self.x[asked])
                if self.features is None:  # of the backbone as it was trained, whatever the labels
                    self.features = fitted.embed(self.x)
            first = most_useful(p, self.features[asked], SHOWN)
            guesses = [self._guess(int(asked[k]), p[k]) for k in first]
        counts = {name: int((self.codes == k).sum()) for k, name in enumerate(self.folder.classes)}
        milliseconds = round(1000 * (time.perf_counter() - began))
        return State(guesses, counts, len(asked), len(self.by_hand), milliseconds)

    def _guess(self, place: int, p: NDArray[np.float32]) -> Guess:
        label = self.folder.classes[int(p.argmax())]
        return Guess(place, self.names[place], label, round(float(p.max()), 3))
