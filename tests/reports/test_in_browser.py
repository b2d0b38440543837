"""A report in a real browser: it opens without an error, sorts, fits a phone, and prints."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metassl.reports.sweeps.report import write_sweep_report
from tests.support.browsing import BACKGROUND, PHONE, browser, fits, opened_page
from tests.support.job_folders import write_sweep

__all__ = ["browser"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    _, paths = write_sweep_report(write_sweep(folder / "sweep"), folder / "out")
    return next(path for path in paths if path.suffix == ".html")


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The report, on a phone."""
    with opened_page(browser, report.as_uri()) as opened:
        yield opened


def column(page: Any, number: int) -> list[str]:
    return page.locator(f"table:first-of-type >> nth=0 >> tbody tr td:nth-child({number})").all_inner_texts()


def test_a_page_fits_a_phone_and_its_pictures_are_inside(page: Any) -> None:
    assert fits(page)
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
    assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(BACKGROUND) == "rgb(21, 24, 28)"


def test_a_page_prints(page: Any) -> None:
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
