"""The page of methods: a table for each config group, from its files and the classes that they build."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from metassl.construct import BUILDERS
from metassl.docs.markdown import code, prose
from metassl.docs.options import Option, option_names, read_options
from metassl.docs.sentences import difference, first_sentence, names_a_paper, source
from metassl.reports.markdown import Markdown, markdown_table

FIRST = ("model", "ssl", "distance", "backbone", "engine", "dataset")  # the others follow by the alphabet
# cells of papers, which benchmarks/suites lists; where many runs are done, on a page of its own
APART = ("experiment", "launcher", "search")
NOUNS = {"model": "meta-learners", "ssl": "objectives"}
HEAD = (
    "option and class",
    "what it does",
    "source and note",
    "differs from the paper by",
    "options and values",
)
LINE = "<br>"  # a new line in a cell
START = """# Methods

Written by `make docs` from `conf/` and the docstrings: change those, not this page.

`metassl train` takes options as `group=option`, such as `model=maml`, and values by their key behind the
group, such as `model.steps=5`; a key that starts with the name of another group, such as `backbone.norm`,
stands as it is. Where a row says "as" another option, what it doesn't name is as there. Words of the field
are in the [glossary](glossary.md); pairs that can't run are [refused](refused.md).
"""


def groups(conf: Path) -> list[str]:
    """The config groups that the page is about, in its order."""
    there = sorted(folder.name for folder in conf.iterdir() if folder.is_dir() and folder.name not in APART)
    return [g for g in FIRST if g in there] + [g for g in there if g not in FIRST]


def methods_page(conf: Path) -> str:
    """The whole page."""
    contents = "".join(
        f"* [`{group}=`](#{group}): {len(option_names(group, conf))} {NOUNS.get(group, 'options')}\n"
        for group in groups(conf)
    )
    return "\n".join([START, contents, *(_section(group, conf) for group in groups(conf))])


def _section(group: str, conf: Path) -> str:
    """The tables of a group, one for each folder that its classes live in."""
    options = read_options(group, conf)
    parts = [f"## {group}\n"]
    for folder, members in groupby(sorted(options, key=_folder), key=_folder):
        if folder:
            room = inspect.getdoc(import_module(folder)) or ""
            parts.append(f"### `{folder.replace('.', '/')}`\n\n{prose(room)}\n")
        rows = [list(map(Markdown, _row(group, option))) for option in members]
        parts.append(markdown_table(list(map(Markdown, HEAD)), rows) + "\n")
    return "\n".join(parts)


def _folder(option: Option) -> str:
    """The package of an option's class; empty where it builds none of ours."""
    return "" if option.main is None else option.targets[option.main].rsplit(".", 2)[0]


def _row(group: str, option: Option) -> list[str]:
    path = None if option.main is None else option.targets[option.main]
    name = LINE.join(filter(None, [code(f"{group}={option.name}"), _link(path)]))
    return [name, _purpose(option), _origin(option), _difference(option), _values(option)]


def _purpose(option: Option) -> str:
    """The first sentence of the class, and those of the parts that make the option what it is."""
    if option.main is None:
        return ""
    parts = {place: _docstring(path) for place, path in option.parts().items()}
    said = [first_sentence(_docstring(option.targets[option.main]))]
    said += [f"*{place}*: {first_sentence(text)}" for place, text in parts.items()]
    return LINE.join(map(prose, said))


def _origin(option: Option) -> str:
    """The file's own comment; where it names no paper, that of the class's docstring comes first."""
    paper = ""
    if option.main is not None and not names_a_paper(option.note):
        paper = source(_docstring(option.targets[option.main]))
    return LINE.join(map(prose, filter(None, [paper, option.note])))


def _difference(option: Option) -> str:
    """What the classes of an option say of how they depart from their papers."""
    inherits = bool(option.parents) and option.main not in option.own  # the parent's row has said it
    main = [] if option.main is None or inherits else [option.targets[option.main]]
    paths = [*main, *option.parts().values()]
    said = dict.fromkeys(difference(_docstring(path)) for path in paths)
    return LINE.join(map(prose, filter(None, said)))


def _values(option: Option) -> str:
    inherited = [f"as `{parent}`" for parent in option.parents]
    stated = {key: _value(value) for key, value in (*option.stated.items(), *_defaults(option))}
    return ", ".join([*inherited, *(code(f"{key}={value}") for key, value in stated.items())])


def _defaults(option: Option) -> Iterator[tuple[str, Any]]:
    """What the class takes when neither this file nor those that it starts from say anything."""
    if option.main is None or option.parents:
        return
    keys = [*option.stated, *option.targets]
    for name, parameter in inspect.signature(_class(option.targets[option.main])).parameters.items():
        key = option.prefix + name
        said = name in BUILDERS or any(other == key or other.startswith(f"{key}.") for other in keys)
        if isinstance(parameter.default, bool | int | float | str | tuple | None) and not said:
            yield key, parameter.default


def _value(value: Any) -> str:
    """As it is typed on the command line."""
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return "{}"
    return "(required)" if value == "???" else str(value)


def _link(path: str | None) -> str:
    if path is None:
        return ""
    module, name = path.rsplit(".", 1)
    return f"[`{name}`](../{module.replace('.', '/')}.py)"


def _docstring(path: str) -> str:
    return inspect.getdoc(_class(path)) or ""


def _class(path: str) -> type:
    module, name = path.rsplit(".", 1)
    found: type = getattr(import_module(module), name)
    return found
