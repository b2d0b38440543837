"""Pictures of a page as a browser shows it: bright, dark, and on a phone.

    python -m benchmarks.screenshot outputs/multirun/<when>/report.html docs/assets/report
    python -m benchmarks.screenshot outputs/<when>/look.html docs/assets/look "Test tasks" 1500
    python -m benchmarks.screenshot by_hand docs/assets/by_hand

Writes report.png, bright beside dark, and report_phone.png; with a heading, from there on, and with a
number, so many pixels high in place of 760. by_hand is the page of `metassl label serve=true`, after three
clicks, on five embedded letters with the model `handwriting`. Needs playwright and Chromium, and by_hand the
extra `serve`.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.serving import letters_folder, served

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, PHONE, HEIGHT = 900, 420, 760
CLICKS = 3


def main(page: str, target: Path, heading: str = "", height: int = HEIGHT) -> None:
    """Takes the pictures of the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with _address(page) as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        if page == "by_hand":
            _click(browser.new_page(), address)
        wide = [_shot(browser, address, heading, (WIDE, height), scheme) for scheme in ("light", "dark")]
        phone = _shot(browser, address, heading, (PHONE, height), "light")
        browser.close()
    beside = Image.new("RGB", (2 * WIDE, height))
    for place, picture in enumerate(wide):
        beside.paste(picture, (place * WIDE, 0))
    for name, picture in (("", beside), ("_phone", phone)):
        # one method's colours in a plot are few pixels, which any other way of choosing 256 would merge
        small = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(target.with_name(f"{target.name}{name}.png"), optimize=True)


@contextmanager
def _address(page: str) -> Iterator[str]:
    if page != "by_hand":
        yield Path(page).resolve().as_uri()
        return
    with TemporaryDirectory() as folder:
        letters_folder(Path(folder), labelled=2, others=10)
        with served(Path(folder)) as (link, _):
            yield link


def _click(page: Page, address: str) -> None:
    """Labels what is asked about as what the model takes it for."""
    page.goto(address)
    for given in range(1, CLICKS + 1):
        page.locator("button.guess").click()
        page.get_by_text(f"{given} label").wait_for()


def _shot(browser: Browser, address: str, heading: str, size: tuple[int, int], scheme: str) -> Image.Image:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    opened = context.new_page()
    opened.goto(address, wait_until="networkidle")
    if heading:
        opened.get_by_role("heading", name=heading, exact=True).evaluate("each => each.scrollIntoView()")
    picture = Image.open(BytesIO(opened.screenshot())).convert("RGB")
    context.close()
    return picture


if __name__ == "__main__":
    words = dict(enumerate(sys.argv[1:]))
    main(words[0], Path(words[1]), words.get(2, ""), int(words.get(3, HEIGHT)))
