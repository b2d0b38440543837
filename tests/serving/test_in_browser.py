"""The page for a person in a real browser: clicks and keys are labels, on disk before they are answered."""

import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from metassl import MetaClassifier
from metassl.library.classifier.by_hand import read_by_hand
from metassl.library.classifier.picture_folder import read_folder
from metassl.serving.app import make_app
from metassl.serving.session import Session
from tests.serving.test_app import KINDS, SECRET, photos
from tests.support.browsing import browser, contrast, fits, opened_page
from tests.support.processes import begun

__all__ = ["browser", "photos"]


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, Any]]:
    """The link that the command prints, and its process, which is killed at the end."""
    process, out, err = begun(["label", "images=photos", "model=model", "serve=true"], folder)
    try:
        while process.is_alive() and not (out.is_file() and out.read_text().endswith("\n")):
            time.sleep(0.05)
        assert process.is_alive(), err.read_text()
        yield out.read_text().split()[0], process
    finally:
        process.kill()
        process.join(60)


@contextmanager
def linked(photos: Path) -> Iterator[str]:
    """The same page by a thread of the test, which starts sooner."""
    session = Session(read_folder(photos), MetaClassifier.load(photos.parent / "model"))
    server = uvicorn.Server(uvicorn.Config(make_app(session, SECRET), log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/{SECRET}/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def link(photos: Path) -> Iterator[str]:
    with linked(photos) as link:
        yield link


def counted(page: Any) -> dict[str, int]:
    """The numbers beside the names of the classes."""
    return {
        name: int(page.locator(f'[data-label="{name}"] small').inner_text().strip("()")) for name in KINDS
    }


def asked(page: Any) -> str:
    """The file that the page asks about."""
    return str(page.locator("#picture").get_attribute("alt"))


def wait(page: Any, given: int) -> None:
    """Until the page counts so many labels."""
    page.get_by_text(re.compile(f"^{given} labels? by hand, ")).wait_for()


def test_a_click_and_a_key_label_and_u_takes_back(browser: Any, link: str, photos: Path) -> None:
    with opened_page(browser, link) as page:
        widths = "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))"
        assert page.evaluate(widths) == [160] * 13, "the picture that is asked about, and all that come next"
        assert counted(page) == dict.fromkeys(KINDS, 2)
        first = asked(page)
        held: list[tuple[str, dict[str, str]]] = []

        def hold(route: Any) -> None:
            """What is shown, and what is on disk, when the answer has come and the page has not got it."""
            answer = route.fetch()
            held.append((asked(page), read_by_hand(photos)))
            route.fulfill(response=answer)

        page.route("**/label", hold)
        page.get_by_role("button", name="lying").click()
        wait(page, 1)
        assert held == [(first, {first: "lying"})], "on disk before the page shows it"
        assert counted(page) == dict.fromkeys(KINDS, 2) | {"lying": 3}
        second = asked(page)
        assert second != first
        page.keyboard.press("3")
        wait(page, 2)
        assert read_by_hand(photos) == {first: "lying", second: "standing"}
        assert counted(page) == {"crossed": 2, "lying": 3, "standing": 3}
        assert asked(page) not in (first, second)
        page.keyboard.press("u")
        wait(page, 1)
        assert read_by_hand(photos) == {first: "lying"}
        assert asked(page) == second, "which is asked about again"
        said = page.locator("#said").inner_text()
        assert said.startswith("1 label by hand, 11 pictures without one; adapted in ")
        assert int(said.removesuffix(" ms").rsplit(" ", 1)[1]) > 0


def test_what_is_left_for_later_comes_after_the_others(browser: Any, link: str, photos: Path) -> None:
    with opened_page(browser, link) as page:
        first = asked(page)
        page.keyboard.press("Space")
        second = asked(page)
        assert second != first
        page.get_by_role("button", name="crossed").click()
        wait(page, 1)
        assert asked(page) != first
        assert read_by_hand(photos) == {second: "crossed"}
        third = asked(page)
        page.keyboard.press("Space")  # the button still has the focus, and is not pressed by it
        for given in range(2, 13):
            assert (asked(page) in (first, third)) == (given > 10)
            page.keyboard.press("1")
            wait(page, given)
        assert read_by_hand(photos).keys() == {f"unlabelled/{k}.png" for k in range(12)}
        assert not page.locator("#picture").is_visible(), "nothing is left to ask"
        page.keyboard.press("1")
        page.get_by_role("button", name="undo").click()
        wait(page, 11)
        assert page.locator("#picture").is_visible()


def test_a_kill_after_a_click_loses_nothing(browser: Any, photos: Path) -> None:
    with served(photos.parent) as (link, process), opened_page(browser, link) as page:
        first = asked(page)
        page.get_by_role("button", name="lying").click()
        wait(page, 1)
        process.kill()
        process.join(60)
    with served(photos.parent) as (link, _), opened_page(browser, link) as page:
        wait(page, 1)
        assert counted(page)["lying"] == 3
        assert first not in [image.get_attribute("alt") for image in page.locator("#next img").all()]


def test_a_phone_a_dark_room_and_a_stranger(browser: Any, photos: Path) -> None:
    long = "a_class_of_which_the_name_is_longer_than_a_telephone_is_wide"
    shutil.move(photos / "crossed", photos / long)
    with linked(photos) as link:
        with opened_page(browser, link) as page:
            assert fits(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert min(contrast(page, what) for what in ("h1", "#said", "#file")) > 4.5, scheme
            page.set_viewport_size({"width": 1200, "height": 800})
            assert fits(page)
        stranger = browser.new_page()
        for address in (link.rsplit("/", 2)[0] + "/", link[:-5] + "xxxx/", link[:-5] + "xxxx/picture/0"):
            assert stranger.goto(address).status == 404
            assert stranger.content().count("Not Found") == 1
        stranger.close()
