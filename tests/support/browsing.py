"""Pages in a real browser, Chromium, where there is one; tests that need it are skipped elsewhere."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 420, "height": 800}
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for the tests of a module: while it runs, asyncio can't be run by others."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@contextmanager
def opened_page(browser: Any, address: str) -> Iterator[Any]:
    """A page on a phone; fails at its end where the console had a word, or another address was asked for than
    those that begin as its own."""
    context = browser.new_context(viewport=PHONE)
    opened, said, asked = context.new_page(), [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(address)
    yield opened
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", address))] == []


def fits(page: Any) -> bool:
    """Whether nothing of a page is beside the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def contrast(page: Any, what: str) -> float:
    """Of the text of the first element that a selector finds, as faint as it is, against the page; 1 to 21.

    Source: WCAG 2.2, "contrast ratio"; 4.5 is what it asks of text.
    """
    text, faint, back = page.evaluate(
        f"what => {{const of = getComputedStyle(document.querySelector(what)); "
        f"return [of.color, of.opacity, {BACKGROUND}]}}",
        what,
    )
    seen = [
        float(faint) * one + (1 - float(faint)) * behind
        for one, behind in zip(_parts(text), _parts(back), strict=True)
    ]
    dark, bright = sorted(map(_luminance, (seen, _parts(back))))
    return (bright + 0.05) / (dark + 0.05)


def opens_everywhere(browser: Any, file: Path) -> None:
    """A page of one file opens without a word in the console, is whole on a phone, is read in the dark, prints."""
    with opened_page(browser, file.as_uri()) as page:
        assert fits(page)
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 20)")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert min(contrast(page, what) for what in ("h1", "p", "figcaption")) > 4.5, scheme
        assert page.evaluate(BACKGROUND) == "rgb(21, 24, 28)"
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
        assert page.pdf(format="A4").startswith(b"%PDF-")


def _parts(colour: str) -> list[float]:
    """Red, green and blue in 0..1 of "rgb(r, g, b)"."""
    assert colour.startswith("rgb("), colour
    return [float(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]


def _luminance(colour: list[float]) -> float:
    """By WCAG 2.2, "relative luminance"."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
