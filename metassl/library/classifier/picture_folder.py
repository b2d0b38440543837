"""Labels the pictures of a folder that have no label, by those that lie in folders of classes.

Legend: n pictures, C classes.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metassl.data.class_folders import visible
from metassl.data.images.pictures import decode
from metassl.data.preparing.progress import track
from metassl.data.tables.target import UNKNOWN
from metassl.errors import DataError, one_of
from metassl.library.classifier.by_hand import NAME, read_by_hand
from metassl.library.classifier.estimator import MetaClassifier
from metassl.library.classifier.labelling import Labelling, answers, checked
from metassl.library.classifier.picture_list import SUFFIXES, read_pictures
from metassl.library.classifier.trained import model_of

FREE = "unlabelled"  # the folder of pictures without a label


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a folder.

    Attributes:
        path: of it.
        classes: their names, sorted.
        files: [n] pictures, labelled ones first.
        codes: [n] the place of each one's class; -1 without a label.
        bad: files that can't be read as pictures and were left out.
    """

    path: Path
    classes: Sequence[str]
    files: Sequence[Path]
    codes: Sequence[int]
    bad: Sequence[Path] = ()


def read_folder(path: Path, skip_bad: bool = False) -> PictureFolder:
    """What lies in path/<class>/ is labelled; what lies in path/unlabelled/, or in the folder itself, is not,
    but where path/by_hand.csv has a label for it.

    Files that end otherwise than pictures do are passed over, and hidden names.

    Args:
        path: of the folder.
        skip_bad: leave out pictures that can't be read, and note them; else the first is an error.

    Raises:
        DataError: no such folder, fewer than two classes, a class without a picture, nothing to label, or a
            picture that can't be read.
    """
    if not path.is_dir():
        raise DataError(f"images: '{path}' is no folder; needed is one with a folder for each class.")
    classes = [folder for folder in visible(path, folders=True) if folder.name != FREE]
    if len(classes) < 2:
        found = ", ".join(f"'{folder.name}'" for folder in classes) or "none"
        raise DataError(
            f"images: found the classes {found} in '{path}', at least 2 folders of labelled pictures are "
            f"needed, and '{FREE}' with the others."
        )
    names = [folder.name for folder in classes]
    labelled = [(file, code) for code, folder in enumerate(classes) for file in _pictures(folder)]
    free = [(file, UNKNOWN) for file in (*_pictures(path), *_pictures(path / FREE))]
    labelled, free = _with_hands(path, names, labelled, free)
    bad = [file for file, _ in (*labelled, *free) if skip_bad and not _readable(file)]
    unread = set(bad)
    kept = [(file, code) for file, code in (*labelled, *free) if file not in unread]
    counts = Counter(code for _, code in kept)
    for code, folder in enumerate(classes):
        if not counts[code]:
            raise DataError(f"images: found no picture in '{folder}', at least 1 of each class is needed.")
    if not counts[UNKNOWN]:
        raise DataError(
            f"images: found no picture without a label in '{path}' or '{path / FREE}', nothing is to do."
        )
    return PictureFolder(path, names, [f for f, _ in kept], [c for _, c in kept], bad)


def label_pictures(
    folder: PictureFolder, classifier: MetaClassifier, folds: int = 5, seed: int = 0
) -> Labelling:
    """Labels the pictures that have no label.

    Args:
        folder: of them, and of the labelled ones.
        classifier: with a model of pictures; it is fitted to all of them.
        folds, seed: of the check, see metassl.library.classifier.comparison.compare.

    Raises:
        UserError: the model is of no pictures, or has no places for so many classes.
    """
    trained = model_of(classifier.model)
    x = read_pictures(track(folder.files, folder.path.name), trained.facts)  # once, for it takes long
    codes = np.array(folder.codes, dtype=np.int64)
    asked = np.flatnonzero(codes == UNKNOWN)
    classifier.fit(x, codes)
    rows = answers(classifier.predict_proba(x[asked]), np.array(folder.classes))
    rows.insert(0, "file", [str(folder.files[int(k)].relative_to(folder.path)) for k in asked])
    known = {name: int((codes == code).sum()) for code, name in enumerate(folder.classes)}
    seen = f"pictures: read at {'×'.join(map(str, x.shape[1:]))}"
    seen += "" if trained.encoder is None else f", made vectors by {trained.encoder.title}"
    seen += f"; {len(folder.bad)} could not be read" if folder.bad else ""
    with warnings.catch_warnings():  # of what is done to pictures `fit` has spoken
        warnings.simplefilter("ignore", UserWarning)
        check = checked(classifier, x, codes, folds, seed)
    return Labelling(rows, known, seen, check, "pictures")


def _with_hands(
    path: Path, names: Sequence[str], labelled: list[tuple[Path, int]], free: list[tuple[Path, int]]
) -> tuple[list[tuple[Path, int]], list[tuple[Path, int]]]:
    """Labelled and other pictures, of which a person may have labelled some; files that are gone stay out."""
    by_hand = read_by_hand(path)
    for label in by_hand.values():
        if label not in names:
            raise DataError(f"'{path / NAME}': " + one_of("label", label, names))
    told = {path / file: names.index(label) for file, label in by_hand.items()}
    known = [(file, told[file]) for file, _ in free if file in told]
    return [*labelled, *known], [(file, code) for file, code in free if file not in told]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [file for file in visible(folder) if file.suffix.lower() in SUFFIXES and file.is_file()]


def _readable(file: Path) -> bool:
    try:
        decode(file, "L", str(file))
    except DataError:
        return False
    return True
