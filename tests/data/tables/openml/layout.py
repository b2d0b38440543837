"""Files as openml-python's cache has them, and a guard that sees whoever asks the network."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pytest

from metassl.data.tables.openml.cache import SERVER
from metassl.files import write_json
from tests.data.tables.frames import arff

OML = 'xmlns:oml="http://openml.org/openml"'
KINDS = {
    "id": "numeric", "height": "numeric", "colour": "nominal", "seen": "string", "width": "numeric",
    "same": "nominal", "none": "numeric", "note": "string", "class": "nominal",
}  # fmt: skip
"""OpenML's kinds of the columns of tests.data.tables.frames.frame."""


def description(
    number: int, name: str, target: str | None = "class", ignored: Sequence[str] = (), row_id: str | None = None,
    form: str = "ARFF", url: str = "https://nowhere.invalid/x.arff",
) -> str:  # fmt: skip
    """What the server says of a data set."""
    of = [("id", number), ("name", name), ("version", 1), ("format", form), ("url", url)]
    of += [("default_target_attribute", target)] if target else []
    of += [("row_id_attribute", row_id)] if row_id else []
    of += [("ignore_attribute", each) for each in ignored]
    lines = "".join(f"<oml:{tag}>{escape(str(text))}</oml:{tag}>" for tag, text in of)
    return f"<oml:data_set_description {OML}>{lines}</oml:data_set_description>"


def features(table: pd.DataFrame, kinds: Mapping[str, str], flagged: Sequence[str] = ()) -> str:
    """What the server says of its columns; `flagged` ones it calls ignored."""
    lines = []
    for place, (name, values) in enumerate(table.items()):
        known = "".join(
            f"<oml:nominal_value>{v}</oml:nominal_value>" for v in sorted(set(values.dropna().astype(str)))
        )
        lines.append(
            f"<oml:feature><oml:index>{place}</oml:index><oml:name>{escape(str(name))}</oml:name>"
            f"<oml:data_type>{kinds[str(name)]}</oml:data_type>{known if kinds[str(name)] == 'nominal' else ''}"
            f"<oml:is_ignore>{str(name in flagged).lower()}</oml:is_ignore></oml:feature>"
        )
    return f"<oml:data_features {OML}>{''.join(lines)}</oml:data_features>"


def task_text(number: int, data: int, target: str | None, type_id: int = 1) -> str:
    """What the server says of a task."""
    kind = {1: "Supervised Classification", 2: "Supervised Regression"}[type_id]
    asked = f"<oml:target_feature>{target}</oml:target_feature>" if target else ""
    return (
        f"<oml:task {OML}><oml:task_id>{number}</oml:task_id><oml:task_type_id>{type_id}</oml:task_type_id>"
        f"<oml:task_type>{kind}</oml:task_type><oml:input name='source_data'><oml:data_set>"
        f"<oml:data_set_id>{data}</oml:data_set_id>{asked}</oml:data_set></oml:input>"
        "<oml:input name='estimation_procedure'><oml:estimation_procedure><oml:type>crossvalidation</oml:type>"
        "<oml:data_splits_url>https://nowhere.invalid/splits</oml:data_splits_url>"
        "<oml:parameter name='number_folds'>10</oml:parameter><oml:parameter name='number_repeats'>1</oml:parameter>"
        "</oml:estimation_procedure></oml:input></oml:task>"
    )


def suite_text(number: int, tasks: Sequence[int]) -> str:
    """What the server says of a suite."""
    each = "".join(f"<oml:task_id>{task}</oml:task_id>" for task in tasks)
    of = {"id": number, "main_entity_type": "task", "name": "tiny", "description": "", "status": "active"}
    of |= {"creation_date": "", "creator": 1}
    lines = "".join(f"<oml:{tag}>{text}</oml:{tag}>" for tag, text in of.items())
    return f"<oml:study {OML}>{lines}<oml:tasks>{each}</oml:tasks></oml:study>"


def put_data_set(
    data_dir: Path, number: int, table: pd.DataFrame, name: str = "made", kinds: Mapping[str, str] = KINDS,
    parquet: bool = False, flagged: Sequence[str] = (), **about: object,
) -> Path:  # fmt: skip
    """A data set that was fetched."""
    folder = data_dir / "openml" / SERVER / "datasets" / str(number)
    folder.mkdir(parents=True)
    (folder / "description.xml").write_text(description(number, name, **about))  # type: ignore[arg-type]
    (folder / "features.xml").write_text(features(table, kinds, flagged))
    if parquet:
        table.to_parquet(folder / f"dataset_{number}.pq")
    else:
        (folder / "dataset.arff").write_text(arff(table))
    return folder


def put_task(data_dir: Path, number: int, data: int, target: str | None = "class", type_id: int = 1) -> None:
    """A task that was fetched."""
    folder = data_dir / "openml" / SERVER / "tasks" / str(number)
    folder.mkdir(parents=True)
    (folder / "task.xml").write_text(task_text(number, data, target, type_id))


def put_suite(data_dir: Path, name: str | int, tasks: Sequence[int]) -> None:
    """A suite that was fetched."""
    folder = data_dir / "openml" / SERVER / "suites" / str(name)
    folder.mkdir(parents=True)
    write_json(folder / "suite.json", {"name": str(name), "tasks": list(tasks)})


def watch_network(patch: pytest.MonkeyPatch) -> list[object]:
    """Nothing gets out from now on, and whoever tries is in the list."""
    asked: list[object] = []

    def refuse(*found: object, **_: object) -> None:
        asked.append(found)
        raise OSError("no network")

    patch.setattr(socket.socket, "connect", refuse)
    patch.setattr(socket, "getaddrinfo", refuse)
    return asked
