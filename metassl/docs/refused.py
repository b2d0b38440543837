"""The page of refused pairs: every meta-learner with every objective, built on a tiny task."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from omegaconf import open_dict

from metassl.docs.markdown import code, prose
from metassl.docs.options import option_names
from metassl.errors import ConfigError, DataError
from metassl.experiments.pair_configs import compose_each
from metassl.outcomes.regression import Regression
from metassl.reports.markdown import Markdown, markdown_table
from metassl.tasks.spec import TaskSpec
from metassl.trained.build import build_learner

HEAD = ("`ssl=`", "`model=`", "why")
ALL, OTHERS = "all", "all others"  # of the options; of those that no row of "all" has
Pair = tuple[str, str]
"""(model, ssl)."""
Refusals = dict[Pair, str]


class Kind(NamedTuple):
    """Tasks that pairs are built for: a heading, the words of their config, what builders know of them."""

    heading: str
    words: tuple[str, ...]
    task: TaskSpec


CLASSES = Kind(
    "Tasks that ask for classes",
    ("backbone.filters=4",),
    TaskSpec(way=3, input_shape=(1, 16, 16), base_classes=8),
)
VALUES = Kind(
    "Tasks that ask for values or an order",
    (
        "dataset=curves",
        "backbone=mlp_40",
        "backbone.sizes=[4,4,4,4]",
    ),  # four layers: model=cavia changes the fourth
    TaskSpec(way=1, input_shape=(1,), outcome=Regression()),
)
KINDS = (CLASSES, VALUES)


def refusals(conf: Path, kind: Kind) -> Refusals:
    """(model, ssl) -> why the pair is refused, for each that is."""
    models = compose_each(conf, "model", option_names("model", conf), kind.words)
    terms = compose_each(conf, "ssl", option_names("ssl", conf), kind.words)
    found = {}
    for model, config in models.items():
        for ssl, term in terms.items():
            with open_dict(config):
                config.ssl = term.ssl
            try:
                build_learner(config, kind.task)
            except ConfigError as error:
                found[model, ssl] = str(error)
    return found


def refused_page(conf: Path, found: Mapping[str, Refusals]) -> str:
    """The whole page.

    Args:
        conf: the config groups.
        found: by the heading of each kind, see `refusals`.
    """
    return f"""# Pairs that are refused

Written by `make docs`, which builds every pair of `conf/model` and `conf/ssl` with the defaults of both:
change the code, not this page. What the options are: [methods.md](methods.md).

{"".join(_section(conf, kind, found[kind.heading]) for kind in KINDS).rstrip()}
"""


def _section(conf: Path, kind: Kind, found: Refusals) -> str:
    models, objectives = option_names("model", conf), option_names("ssl", conf)
    pairs = len(models) * len(objectives)
    return f"""## {kind.heading}

Of {pairs} pairs {pairs - len(found)} are built and {len(found)} are refused.

{_table(HEAD, *_rows(found, models, objectives))}

"""


def _table(*lines: Sequence[str]) -> str:
    head, *rows = ([Markdown(cell) for cell in line] for line in lines)
    return markdown_table(head, rows)


def read_refused(page: Path, kind: Kind, conf: Path) -> Refusals:
    """The refused pairs of a kind and why, of a page as it was written. Raises DataError for no page."""
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{page}: can't be read ({error.strerror}). Write it by make docs.") from error
    lines = text.partition(f"## {kind.heading}\n")[2].partition("\n## ")[0].splitlines()
    head = "| " + " | ".join(HEAD) + " |"
    if head not in lines:
        raise DataError(f"{page}: has no table of refused pairs. Write it by make docs.")
    rows = [line.strip("| ").split(" | ") for line in lines[lines.index(head) + 2 :] if line.startswith("|")]
    models, objectives = option_names("model", conf), option_names("ssl", conf)
    never = {model for row in rows if row[0] == ALL for model in _names(row[1])}
    everything = {ALL: set(objectives), OTHERS: set(models) - never}
    return {
        (model, ssl): row[2]
        for row in rows
        for ssl in everything.get(row[0], set(_names(row[0])))
        for model in everything.get(row[1], set(_names(row[1])))
    }


def _rows(found: Refusals, models: Sequence[str], objectives: Sequence[str]) -> list[list[str]]:
    """A row for each reason and set of models; rows of one reason stand together."""
    by_reason: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (model, ssl), reason in found.items():
        by_reason[reason, ssl].append(model)
    rows: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (reason, ssl), names in by_reason.items():
        rows[reason, tuple(sorted(names))].append(ssl)
    whole = {key for key, names in rows.items() if len(names) == len(objectives)}
    never = {model for _, names in whole for model in names}
    left = tuple(sorted(set(models) - never))
    return [
        [
            ALL if key in whole else _list(rows[key]),
            OTHERS if key[1] == left and never else _list(key[1]),
            prose(key[0]),
        ]
        for key in sorted(rows, key=lambda key: (key not in whole, key))
    ]


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(code, sorted(names)))


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)
