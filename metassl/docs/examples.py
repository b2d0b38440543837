"""For the API reference: examples in docstrings are shown as code, wherever in the text they stand.

Loaded by mkdocstrings (see zensical.toml), whose reader of docstrings knows examples under a heading alone.
"""

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n *\S.*)*", re.M)


def fenced(text: str) -> str:
    """The text with each paragraph that begins with `>>>` in a block of code."""
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)


class FencedExamples(Extension):
    """Fences the examples of every docstring that is read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Griffe calls this with each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
