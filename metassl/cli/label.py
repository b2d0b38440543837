"""Label the rows of a table, or the pictures of a folder, that have no label, by those that have one.

    metassl label table=my.csv target=diagnosis                       # writes labels.csv beside my.csv
    metassl label table=my.csv target=diagnosis to=found.csv
    metassl label table=my.csv target=diagnosis model=outputs/<when>  # by a learner of your own
    metassl label table=my.csv target=diagnosis 'kinds={zip: categorical, note: drop}'
    metassl label images=photos/ model=handwriting                    # photos/labels.csv and labels.html
    metassl label images=photos/ model=outputs/<when> skip_bad=true
    metassl label images=photos/ model=handwriting serve=true         # a page to label by hand

The table is a CSV, TSV, Parquet, ARFF or Excel file. A row whose target is empty has no label: it is learned
from, and labelled. Of the pictures those in photos/<class>/ have a label; those in photos/unlabelled/, or in
photos/ itself, have none. Pictures need a model of pictures: a run's folder, an exported one, or a name of
`metassl models`. With serve=true (port=0: any) a link is printed: each click on that page is a label, kept in
photos/by_hand.csv, and the model adapts again; Ctrl-C ends it and writes the labels of the others.

Prints how many of each class there are, how many labelled ones are got right that were left out, and how sure
the labels are. Writes a line for each without a label: of a row its number, from 1, and the column that
identifies it, where there is one, of a picture its file; the label, its probability, and the second choice
with its own. labels.html shows the pictures, the least certain first. No file is written over.

Other words: folds=5 of the check, seed=0, max_rows=1000 that the model reads; how a table is read, as with
dataset=table: separator=, encoding=, sheet=; skip_bad=true leaves out pictures that can't be read.
Exit code 2 and one line on stderr for what can't be.
"""

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from metassl.cli.choices import count
from metassl.cli.folders import writable
from metassl.cli.own_words import separate
from metassl.data.tables.reading import Reading
from metassl.errors import ConfigError, one_of
from metassl.files import write_atomically
from metassl.library.classifier.by_hand import NAME as BY_HAND
from metassl.library.classifier.estimator import MetaClassifier
from metassl.library.classifier.labelling import Labelling, label_table
from metassl.library.classifier.picture_folder import label_pictures, read_folder
from metassl.library.classifier.picture_page import picture_page
from metassl.serving.server import serve
from metassl.serving.session import Session
from metassl.shipped import shipped_models
from metassl.trained.folder import is_model
from metassl.training.process import silence_hints

ANY = ("model", "to", "folds", "seed", "max_rows")
OF_TABLES = ("table", "target", "kinds", "separator", "encoding", "sheet")
OF_IMAGES = ("images", "skip_bad", "serve", "port")
NAME = "labels.csv"


def label(arguments: list[str]) -> int:
    """Labels what the words name; the exit code. Raises UserError."""
    silence_hints()
    known = (*ANY, *OF_TABLES, *OF_IMAGES)
    own, others = separate(arguments, known)
    if others:
        raise ConfigError(one_of("label", others[0].partition("=")[0], known))
    pictures = own.get("images") not in (None, "")
    for key in OF_TABLES if pictures else OF_IMAGES:
        if key in own:
            others_are = "images=" if pictures else "table="
            raise ConfigError(f"{key}: found {own[key]!r} beside {others_are}, allowed is one of the two.")
    return _label_images(own) if pictures else _label_table(own)


def _label_table(own: dict[str, Any]) -> int:
    table = Path(_given(own, "table", "my.csv"))
    target = _given(own, "target", "diagnosis")
    to = _new_file(own.get("to"), table.parent)
    labelling = _noting(
        f"'{table}'",
        lambda: label_table(table, target, _classifier(own), _reading(own), *_check(own)),
    )
    write_atomically(to, partial(_write, labelling.rows))
    print(f"{labelling}\nwritten to {to}")
    return 0


def _label_images(own: dict[str, Any]) -> int:
    images = Path(_given(own, "images", "photos/"))
    if own.get("model") in (None, ""):
        names = [name for name, path in shipped_models().items() if is_model(path.parent)]
        raise ConfigError(
            "model: has no default for pictures, give the folder of a run or of an exported model, or a name "
            f"({', '.join(names)})."
        )
    skip, by_hand = _switch(own, "skip_bad"), _switch(own, "serve")
    folder = read_folder(images, skip)
    to = _new_file(own.get("to"), images)
    page = _free(to.with_suffix(".html"))
    if by_hand:
        session = Session(folder, _classifier(own))
        serve(session, count("port", own.get("port", 0), 0))
        if not session.state.left:
            print(f"all pictures have a label, by folder or in {images / BY_HAND}")
            return 0
        folder = read_folder(images, skip)
    for file in folder.bad:
        print(f"note: left out '{file}', which can't be read as a picture.", file=sys.stderr)
    labelling = _noting(f"'{images}'", lambda: label_pictures(folder, _classifier(own), *_check(own)))
    html = picture_page(labelling, images)
    write_atomically(to, partial(_write, labelling.rows))
    write_atomically(page, lambda path: path.write_text(html, encoding="utf-8"))
    print(f"{labelling}\nwritten to {to} and {page}")
    return 0


def _switch(own: dict[str, Any], key: str) -> bool:
    value = own.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{key}: found {value!r}, allowed is true or false.")
    return value


def _noting(what: str, work: Callable[[], Labelling]) -> Labelling:
    """What the work gives; its warnings become notes on stderr, about `what`."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", UserWarning)
        labelling = work()
    for note in dict.fromkeys(str(note.message) for note in notes if note.category is UserWarning):
        print("note: " + note.replace("X:", f"{what}:", 1), file=sys.stderr)
    return labelling


def _check(own: dict[str, Any]) -> tuple[int, int]:
    return count("folds", own.get("folds", 5), 2), _seed(own)


def _seed(own: dict[str, Any]) -> int:
    return count("seed", own.get("seed", 0), 0)


def _classifier(own: dict[str, Any]) -> MetaClassifier:
    most = count("max_rows", own.get("max_rows", 1000), 2)
    options: dict[str, Any] = {"kinds": own.get("kinds"), "random_state": _seed(own), "max_rows": most}
    model = own.get("model")
    return MetaClassifier(**options) if model is None else MetaClassifier.load(str(model), **options)


def _reading(own: dict[str, Any]) -> Reading:
    given = {key: str(own[key]) for key in ("separator", "encoding", "sheet") if own.get(key) is not None}
    return Reading(**given)


def _given(own: dict[str, Any], key: str, example: str) -> str:
    if own.get(key) in (None, ""):
        raise ConfigError(f"{key}: has no default, give it as {key}={example}")
    return str(own[key])


def _new_file(to: object, folder: Path) -> Path:
    """Where the labels go: a file that is not there yet, in a folder that can be written to."""
    path = folder / NAME if to is None else Path(str(to))
    if path.suffix.lower() != ".csv":
        raise ConfigError(f"to: found '{path}', allowed is a name that ends in .csv.")
    if not path.parent.is_dir():
        raise ConfigError(f"to: found '{path}', whose folder '{path.parent}' is not there.")
    writable(f"to={path}", path.parent)
    return _free(path)


def _free(path: Path) -> Path:
    if path.exists():
        raise ConfigError(
            f"to: '{path}' is there already and is not written over, give another name as to=..."
        )
    return path


def _write(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, index=False)
