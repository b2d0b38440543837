"""A Markdown report as one HTML file that needs no other."""

import base64
import re
from html import escape
from pathlib import Path

from markdown import markdown

STYLE = (
    "body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .7em;border-bottom:1px solid #ccc;text-align:left}"
    "img{max-width:100%}pre{white-space:pre-wrap;color:#555}"
)


def page(title: str, text: str, folder: Path) -> str:
    """The HTML of a Markdown text; its pictures, files of the folder, are put into it."""
    body = markdown(text, extensions=["tables", "fenced_code"])
    body = re.sub(r'src="([^"/]+\.png)"', lambda found: f'src="{_data(folder / found[1])}"', body)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _data(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
