"""A report in a real browser: it opens without an error, sorts, fits a phone, and prints."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metassl.reports.sweeps.report import write_sweep_report
from tests.support.job_folders import write_sweep

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 420, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    _, paths = write_sweep_report(write_sweep(folder / "sweep"), folder / "out")
    return next(path for path in paths if path.suffix == ".html")


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The report, on a phone; it fails at its end where the console had a word, or an address was asked for."""
    context = browser.new_context(viewport=PHONE)
    opened, said, asked = context.new_page(), [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(report.as_uri())
    yield opened
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]


def column(page: Any, number: int) -> list[str]:
    return page.locator(f"table:first-of-type >> nth=0 >> tbody tr td:nth-child({number})").all_inner_texts()


def test_a_page_fits_a_phone_and_its_pictures_are_inside(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) == 3
    assert min(widths) > 300
    assert page.evaluate("document.querySelector('.box').scrollWidth") > PHONE["width"]  # the table scrolls


def test_a_press_on_a_head_sorts_and_the_keyboard_does_too(page: Any) -> None:
    head = page.locator("th").nth(2)
    before = column(page, 3)
    head.locator("button").click()
    numbers = [float(text.split()[0]) for text in column(page, 3)]
    assert numbers == sorted(numbers)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert column(page, 3) == sorted(before, key=lambda text: -float(text.split()[0]))
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert column(page, 3) == before
    assert head.get_attribute("aria-sort") is None


def test_a_page_has_a_dark_side(page: Any) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) == "rgb(21, 24, 28)"


def test_a_page_prints(page: Any) -> None:
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
