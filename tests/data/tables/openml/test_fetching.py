"""What is not there comes through openml-python, here from a server of the test's own, once."""

import hashlib
import logging
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from metassl.data.tables.openml import fetching
from metassl.data.tables.openml.cache import SERVER
from metassl.data.tables.openml.fetching import Files, NotThere
from tests.data.tables.frames import arff, frame
from tests.data.tables.openml.layout import (
    KINDS,
    description,
    features,
    put_data_set,
    suite_text,
    task_text,
    watch_network,
)  # fmt: skip

UNKNOWN = '<oml:error xmlns:oml="http://openml.org/openml"><oml:code>111</oml:code><oml:message>Unknown dataset</oml:message></oml:error>'


class Server(ThreadingHTTPServer):
    """A few answers of OpenML; `asked` has the paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/api/v1/xml"
        text = arff(frame())
        at = description(31, "made", url=f"http://127.0.0.1:{self.server_port}/made.arff")
        md5 = f"<oml:md5_checksum>{hashlib.md5(text.encode()).hexdigest()}</oml:md5_checksum></oml:data_set_d"
        self.answers = {
            "/api/v1/xml/data/31": at.replace("</oml:data_set_d", md5),
            "/api/v1/xml/data/features/31": features(frame(), KINDS),
            "/made.arff": text,
            "/api/v1/xml/task/59": task_text(59, 31, "class"),
            "/api/v1/xml/study/tiny": suite_text(99, [59]),
        }


class Handler(BaseHTTPRequestHandler):
    """GET alone."""

    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        found = self.server.answers.get(path)
        body = (found or UNKNOWN).encode()
        self.send_response(200 if found else 412)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("openml")
    monkeypatch.setattr(fetching, "RETRIES", 1)
    with Server() as made:
        monkeypatch.setattr(fetching, "URL", made.url)
        thread = Thread(target=made.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_what_came_once_is_asked_for_never_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(tmp_path, download=True)
    assert files.suite("tiny") == [59]
    assert (files.task(59).data_set, files.task(59).target) == (31, "class")
    data = files.data_set(31)
    assert (data.name, data.targets, data.kinds) == ("made", ("class",), KINDS)
    assert data.file.read_text() == server.answers["/made.arff"]
    assert set(server.asked) == set(server.answers)
    names = {file.name for file in (tmp_path / SERVER).rglob("*") if file.is_file()}
    assert names == {"suite.json", "task.xml", "description.xml", "features.xml", "dataset.arff"}
    assert [each.name for each in tmp_path.iterdir()] == ["org"]  # nothing unfinished
    asked = watch_network(monkeypatch)
    again = Files(tmp_path, download=True)
    assert again.data_set(again.task(again.suite("tiny")[0]).data_set) == data
    assert not asked


def test_the_library_is_left_as_it_was(server: Server, tmp_path: Path) -> None:
    import openml

    before, handlers = openml.config.get_config_as_dict(), list(logging.getLogger().handlers)
    Files(tmp_path, download=True).data_set(31)
    assert openml.config.get_config_as_dict() == before
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger().manager.disable == 0


def test_what_openml_does_not_know(server: Server, tmp_path: Path) -> None:
    put_data_set(tmp_path, 5, frame())
    with pytest.raises(NotThere) as error:
        Files(tmp_path / "openml", download=True).data_set(32)
    where = tmp_path / "openml"
    assert str(error.value) == (
        f"OpenML's data set 32 is not in '{where}' (data sets 5): OpenML answers 'Unknown dataset'."
    )
    assert [each.name for each in where.iterdir()] == ["org"]


def test_without_a_network_what_is_there_stays(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """openml-python would delete the folder."""
    folder = put_data_set(tmp_path, 31, frame())
    (folder / "dataset.arff").unlink()
    watch_network(monkeypatch)
    with pytest.raises(
        NotThere, match=r"OpenML's data set 31 is not in '.*' .data sets 31.: it can't be fetched"
    ):
        Files(tmp_path / "openml", download=True).data_set(31)
    assert {file.name for file in folder.iterdir()} == {"description.xml", "features.xml"}
    monkeypatch.undo()


def test_a_data_set_that_lacks_a_file_gets_it(server: Server, tmp_path: Path) -> None:
    folder = put_data_set(tmp_path, 31, frame())
    (folder / "features.xml").unlink()
    assert Files(tmp_path / "openml", download=True).data_set(31).kinds == KINDS


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openml", None)
    with pytest.raises(NotThere) as error:
        Files(tmp_path, download=True).task(59)
    assert str(error.value) == (
        f"OpenML's task 59 is not in '{tmp_path}' (no task): fetching needs openml-python: pip install 'metassl[openml]'."
    )


def test_a_folder_that_can_not_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "openml").write_text("a file")
    with pytest.raises(NotThere, match=r"it can't be fetched \((FileExistsError|NotADirectoryError)"):
        Files(tmp_path / "openml", download=True).task(59)
