"""Pictures of a report's page as a browser shows it: bright, dark, and on a phone.

    python scripts/screenshot.py outputs/multirun/<when>/report.html docs/assets/report

Writes report.png, bright beside dark, and report_phone.png. Needs playwright and Chromium.
"""

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, PHONE = (900, 760), (420, 760)


def main(page: Path, target: Path) -> None:
    """Takes the pictures of the page."""
    with sync_playwright() as running:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = running.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        wide = [_shot(browser, page, WIDE, scheme) for scheme in ("light", "dark")]
        phone = _shot(browser, page, PHONE, "light")
        browser.close()
    beside = Image.new("RGB", (2 * WIDE[0], WIDE[1]))
    for place, picture in enumerate(wide):
        beside.paste(picture, (place * WIDE[0], 0))
    for name, picture in (("", beside), ("_phone", phone)):
        small = picture.quantize(64, dither=Image.Dither.NONE)
        small.save(target.with_name(f"{target.name}{name}.png"), optimize=True)


def _shot(browser: Browser, page: Path, size: tuple[int, int], scheme: str) -> Image.Image:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    opened = context.new_page()
    opened.goto(page.resolve().as_uri())
    picture = Image.open(BytesIO(opened.screenshot())).convert("RGB")
    context.close()
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
