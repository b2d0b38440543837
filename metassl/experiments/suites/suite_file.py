"""Reads a suite from its yaml file.

    title: Ren et al. 2018, table 1
    seeds: [0, 1001, 2002]
    tables:
      - columns: {no distractors: [], distractors: []}       # name -> words that change the test
        rows:
          soft k-means: {experiments: [ren2018/soft_kmeans, ren2018/soft_kmeans_distractors]}
          inference: {experiments: [...], weights: ren2018/supervised}

One experiment in the place of a list stands for every column; `weights` names the experiments whose trained
weights are tested, where they are not the experiments' own. With `axis` the columns are numbers of a curve;
`mean` names a further column of the report, the mean over the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from metassl.errors import ConfigError, UserError, one_of
from metassl.experiments.suites.suite import Entry, Suite, Table
from metassl.yaml_files import read_yaml

NEEDED = {"suite": ("title", "seeds", "tables"), "table": ("columns", "rows"), "row": ("experiments",)}
ALLOWED = {
    "suite": (*NEEDED["suite"], "about"),
    "table": (*NEEDED["table"], "name", "axis", "mean"),
    "row": (*NEEDED["row"], "weights", "words", "train"),
}


def suite_names(folder: Path) -> list[str]:
    """The suites of a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_suite(folder: Path, name: str) -> Suite:
    """The suite `folder/name.yaml`. Raises UserError for an unknown name or a file that makes no sense."""
    if name not in suite_names(folder):
        raise ConfigError(one_of("suite", name, suite_names(folder)))
    path = folder / f"{name}.yaml"
    read = _checked(path, "suite", OmegaConf.to_container(read_yaml(path), resolve=False))
    tables = tuple(_table(path, table) for table in read["tables"])
    return Suite(name, str(read["title"]), str(read.get("about", "")).strip(), tuple(read["seeds"]), tables)


def _table(path: Path, content: Any) -> Table:
    read = _checked(path, "table", content)
    columns = {str(name): tuple(words or ()) for name, words in read["columns"].items()}
    rows = {str(name): _checked(path, "row", row) for name, row in read["rows"].items()}
    entries = tuple(entry for name, row in rows.items() for entry in _entries(path, name, row, columns))
    axis, mean = read.get("axis"), str(read.get("mean") or "")
    if mean and (axis or mean in columns):
        raise UserError(f"{path}: 'mean' names a further column of a table without an axis, found '{mean}'.")
    return Table(str(read.get("name", "")), axis, tuple(columns), tuple(rows), entries, mean)


def _entries(
    path: Path, name: str, row: Mapping[str, Any], columns: Mapping[str, tuple[str, ...]]
) -> Iterator[Entry]:
    experiments = _one_a_column(path, name, row["experiments"], len(columns))
    weights = _one_a_column(path, name, row.get("weights") or row["experiments"], len(columns))
    trains = _train_words(path, name, row.get("train") or [], len(columns))
    own = tuple(row.get("words") or ())
    for (column, words), experiment, weight, train in zip(
        columns.items(), experiments, weights, trains, strict=True
    ):
        yield Entry(name, column, experiment, weight, (*own, *words), train)


def _train_words(path: Path, row: str, value: Sequence[Any], count: int) -> list[tuple[str, ...]]:
    """Words of the training for each column: a list of words for all, or a list of such lists."""
    each = [list(words) for words in value] if value and not isinstance(value[0], str) else [value] * count
    if len(each) != count:
        raise UserError(f"{path}: row '{row}' has {len(each)} lists in 'train' for {count} columns.")
    return [tuple(map(str, words)) for words in each]


def _one_a_column(path: Path, row: str, value: str | Sequence[str], count: int) -> list[str]:
    names = [value] * count if isinstance(value, str) else list(value)
    if len(names) != count:
        raise UserError(f"{path}: row '{row}' has {len(names)} experiments for {count} columns.")
    return names


def _checked(path: Path, kind: str, content: Any) -> dict[str, Any]:
    """The content, if it is a mapping that has the keys it needs and no others."""
    if not isinstance(content, dict):
        raise UserError(f"{path}: a {kind} is a mapping, found {type(content).__name__}.")
    for key in content:
        if key not in ALLOWED[kind]:
            raise UserError(f"{path}: {one_of(f'key of a {kind}', key, ALLOWED[kind])}")
    missing = [key for key in NEEDED[kind] if not content.get(key)]
    if missing:
        raise UserError(f"{path}: found no '{missing[0]}' in a {kind}.")
    return content
