"""The page for a person: what a click does, what stays on disk, and what is refused."""

import asyncio
import csv
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from metassl import MetaClassifier
from metassl.errors import UserError
from metassl.library.classifier.by_hand import NAME, read_by_hand
from metassl.library.classifier.picture_folder import read_folder
from metassl.serving.app import LONGEST, make_app
from metassl.serving.server import only_one
from metassl.serving.session import SHOWN, Session
from metassl.trained.likeness import described
from tests.cli.test_label_images import lines, save
from tests.support.models import random_folder

SECRET = "a-secret"
KINDS = ("crossed", "lying", "standing")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for kind in KINDS:
        save(lines(kind, 2), tmp_path / "photos" / kind, dark_on_light=False)
    save(np.concatenate([lines(kind, 4) for kind in KINDS]), tmp_path / "photos" / "unlabelled", False)
    random_folder(tmp_path / "model", described(np.concatenate([lines(kind, 40) for kind in KINDS])))
    return tmp_path / "photos"


def opened(photos: Path) -> Session:
    return Session(read_folder(photos), MetaClassifier.load(photos.parent / "model"))


class Client:
    """Asks the app as a browser would."""

    def __init__(self, session: Session, host: str) -> None:
        self.app, self.host = make_app(session, SECRET), host

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.host) as asking:
                return await asking.request(method, path, **sent)

        return asyncio.run(ask())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("POST", path, **sent)


def client(session: Session, host: str = "http://127.0.0.1") -> Client:
    return Client(session, host)


def test_a_click_is_on_disk_before_it_is_answered_and_the_order_is_new(photos: Path) -> None:
    session = opened(photos)
    page = client(session)
    first = session.state
    assert (len(first.guesses), first.left, first.given) == (min(12, SHOWN), 12, 0)
    asked = first.guesses[0]
    answer = page.post(f"/{SECRET}/label", json={"place": asked.place, "label": "lying"})
    assert answer.status_code == 200
    assert read_by_hand(photos) == {asked.file: "lying"}
    said = answer.json()
    assert (said["left"], said["given"], said["counts"]["lying"]) == (11, 1, 3)
    assert asked.place not in [guess["place"] for guess in said["guesses"]]
    assert said["milliseconds"] > 0
    again = opened(photos)
    assert (again.state.left, again.state.given) == (11, 1), "a kill has lost nothing"
    undone = page.post(f"/{SECRET}/undo", json={}).json()
    assert (undone["left"], undone["given"], undone["counts"]["lying"]) == (12, 0, 2)
    assert read_by_hand(photos) == {}
    assert page.post(f"/{SECRET}/undo", json={}).json()["given"] == 0


def test_labels_by_hand_teach(photos: Path) -> None:
    """The probability that a lying stroke is standing rises when a person calls its likes so."""
    session = opened(photos)
    lying = [session.names.index(f"unlabelled/{k}.png") for k in range(4, 8)]
    standing = session.folder.classes.index("standing")
    before = session.classifier.predict_proba(session.x[lying[3:]])[0, standing]
    for place in lying[:3]:
        session.give(place, "standing")
    assert {guess.place for guess in session.state.guesses}.isdisjoint(lying[:3])
    assert session.classifier.predict_proba(session.x[lying[3:]])[0, standing] > before


def test_the_page_has_everything_inside_and_says_what_it_may(photos: Path) -> None:
    session = opened(photos)
    answer = client(session).get(f"/{SECRET}/")
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", answer.headers["content-security-policy"])
    assert nonce is not None
    assert answer.text.count(f'<script nonce="{nonce[1]}">') == 1
    assert not re.search(r'(src|href)="http', answer.text)
    for kind in KINDS:
        assert f'data-label="{kind}"' in answer.text
    picture = client(session).get(f"/{SECRET}/picture/0")
    assert picture.content.startswith(b"\x89PNG")


def test_names_of_folders_are_text_and_no_page(photos: Path) -> None:
    (photos / "crossed").rename(photos / "<script>alert(1)<")
    text = client(opened(photos)).get(f"/{SECRET}/").text
    assert "<script>alert" not in text


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/", 404),
    ("GET", "/another-secret/", 404),
    ("GET", f"/{SECRET}/picture/99", 404),
    ("GET", f"/{SECRET}/picture/../../model/config.json", 404),
    ("GET", f"/{SECRET}/picture/..%2F..%2Fmodel%2Fconfig.json", 404),
    ("GET", f"/{SECRET}/label", 405),
    ("POST", f"/{SECRET}/", 405),
    ("PUT", f"/{SECRET}/picture/0", 405),
])  # fmt: skip
def test_what_is_not_answered(photos: Path, method: str, path: str, status: int) -> None:
    assert client(opened(photos)).request(method, path).status_code == status


def test_what_a_page_may_not_send(photos: Path) -> None:
    session = opened(photos)
    page, place = client(session), session.state.guesses[0].place
    labelled = session.codes.tolist().index(0)
    for sent, status in (
        ({"place": place, "label": "dog"}, 400), ({"place": labelled, "label": "lying"}, 400),
        ({"place": -1, "label": "lying"}, 400), ({"place": "0", "label": "lying"}, 400), ([], 400),
        ({"place": place, "label": "x" * LONGEST}, 413),
    ):  # fmt: skip
        assert page.post(f"/{SECRET}/label", json=sent).status_code == status, sent
    assert page.post(f"/{SECRET}/label", content=b"{").status_code == 400
    assert not (photos / NAME).exists()
    other = client(session, "http://evil.example")
    assert other.get(f"/{SECRET}/").status_code == 400, "another name of this machine"


def test_two_servers_on_one_folder(photos: Path) -> None:
    with only_one(photos), pytest.raises(UserError, match="another server works on"):
        only_one(photos)
    only_one(photos).release()


def test_a_file_by_hand_that_is_damaged(photos: Path) -> None:
    def line(rows: list[list[str]]) -> str:
        with (photos / NAME).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        with pytest.raises(UserError) as caught:
            read_folder(photos)
        return str(caught.value)

    assert "found the columns ['file'], needed are ['file', 'label']" in line([["file"]])
    assert "line 2: found ['unlabelled/0.png'], needed is" in line([["file", "label"], ["unlabelled/0.png"]])
    twice = [["file", "label"], *[["unlabelled/0.png", "lying"]] * 2]
    assert "line 3: found" in line(twice)
    assert "found 'lieing'. Did you mean 'lying'?" in line(
        [["file", "label"], ["unlabelled/0.png", "lieing"]]
    )
    gone = [["file", "label"], ["unlabelled/gone.png", "lying"]]
    with (photos / NAME).open("w", newline="") as file:
        csv.writer(file).writerows(gone)
    assert len(read_folder(photos).files) == 18
