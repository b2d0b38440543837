"""A Markdown report as an HTML file; its pictures lie beside it."""

from html import escape

from markdown import markdown

STYLE = (
    "body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .7em;border-bottom:1px solid #ccc;text-align:left}"
    "img{max-width:100%}pre{white-space:pre-wrap;color:#555}"
)


def html_page(title: str, text: str) -> str:
    """The HTML page of a Markdown text."""
    body = markdown(text, extensions=["tables", "fenced_code"])
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'
