"""Label the rows of a table that have no label, by those that have one.

    metassl label table=my.csv target=diagnosis                       # writes labels.csv beside my.csv
    metassl label table=my.csv target=diagnosis to=found.csv
    metassl label table=my.csv target=diagnosis model=outputs/<when>  # by a learner of your own
    metassl label table=my.csv target=diagnosis 'kinds={zip: categorical, note: drop}'

The table is a CSV, TSV, Parquet, ARFF or Excel file. A row whose target is empty has no label: it is learned
from, and labelled. Prints how many rows each class has, how many labelled rows are got right that were left
out, and how sure the labels are. Writes a line for each row without a label: its number, from 1; the column
that identifies it, where there is one; the label, its probability, and the second choice with its own. No
file is written over.

Other words: folds=5 of the check, seed=0, max_rows=1000 that the model reads, and how the file is read, as
with dataset=table: separator=, encoding=, sheet=.
Exit code 2 and one line on stderr for what can't be.
"""

import sys
import warnings
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
from metassl.library.classifier.estimator import MetaClassifier
from metassl.library.classifier.labelling import label_table
from metassl.training.process import silence_hints

OWN = (
    "table", "target", "model", "to", "kinds", "folds", "seed", "max_rows", "separator", "encoding", "sheet",
)  # fmt: skip
NAME = "labels.csv"


def label(arguments: list[str]) -> int:
    """Labels the table that the words name; the exit code. Raises UserError."""
    silence_hints()
    own, others = separate(arguments, OWN)
    if others:
        raise ConfigError(one_of("label", others[0].partition("=")[0], OWN))
    table = Path(_given(own, "table", "my.csv"))
    target = _given(own, "target", "diagnosis")
    to = _new_file(own.get("to"), table)
    folds, seed = count("folds", own.get("folds", 5), 2), count("seed", own.get("seed", 0), 0)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", UserWarning)
        labelling = label_table(table, target, _classifier(own, seed), _reading(own), folds, seed)
    for note in dict.fromkeys(str(note.message) for note in notes if note.category is UserWarning):
        print("note: " + note.replace("X:", f"'{table}':", 1), file=sys.stderr)
    write_atomically(to, partial(_write, labelling.rows))
    print(f"{labelling}\nwritten to {to}")
    return 0


def _classifier(own: dict[str, Any], seed: int) -> MetaClassifier:
    most = count("max_rows", own.get("max_rows", 1000), 2)
    options: dict[str, Any] = {"kinds": own.get("kinds"), "random_state": seed, "max_rows": most}
    model = own.get("model")
    return MetaClassifier(**options) if model is None else MetaClassifier.load(str(model), **options)


def _reading(own: dict[str, Any]) -> Reading:
    given = {key: str(own[key]) for key in ("separator", "encoding", "sheet") if own.get(key) is not None}
    return Reading(**given)


def _given(own: dict[str, Any], key: str, example: str) -> str:
    if own.get(key) in (None, ""):
        raise ConfigError(f"{key}: has no default, give it as {key}={example}")
    return str(own[key])


def _new_file(to: object, table: Path) -> Path:
    """Where the labels go: a file that is not there yet, in a folder that can be written to."""
    path = table.parent / NAME if to is None else Path(str(to))
    if path.suffix.lower() != ".csv":
        raise ConfigError(f"to: found '{path}', allowed is a name that ends in .csv.")
    if path.exists():
        raise ConfigError(
            f"to: '{path}' is there already and is not written over, give another name as to=..."
        )
    if not path.parent.is_dir():
        raise ConfigError(f"to: found '{path}', whose folder '{path.parent}' is not there.")
    writable(f"to={path}", path.parent)
    return path


def _write(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, index=False)
