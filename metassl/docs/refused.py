"""The page of refused pairs: every meta-learner with every objective, built on a tiny task."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from omegaconf import open_dict

from metassl.docs.markdown import code, prose
from metassl.docs.options import option_names
from metassl.errors import ConfigError, DataError
from metassl.experiments.pair_configs import compose_each
from metassl.reports.markdown import markdown_table
from metassl.tasks.spec import TaskSpec
from metassl.training.build import build_learner

TINY = ("backbone.filters=4",)
TASK = TaskSpec(way=3, input_shape=(1, 16, 16), base_classes=8)
HEAD = ("`ssl=`", "`model=`", "why")
Refusals = dict[tuple[str, str], str]


def refusals(conf: Path) -> Refusals:
    """(model, ssl) -> why the pair is refused, for each that is."""
    models = compose_each(conf, "model", option_names("model", conf), TINY)
    terms = compose_each(conf, "ssl", option_names("ssl", conf), TINY)
    found = {}
    for model, config in models.items():
        for ssl, term in terms.items():
            with open_dict(config):
                config.ssl = term.ssl
            try:
                build_learner(config, TASK)
            except ConfigError as error:
                found[model, ssl] = str(error)
    return found


def refused_page(conf: Path) -> str:
    """The whole page."""
    found = refusals(conf)
    pairs = len(option_names("model", conf)) * len(option_names("ssl", conf))
    return f"""# Pairs that are refused

Written by `make docs`, which builds every pair of `conf/model` and `conf/ssl` with the defaults of both:
change the code, not this page. Of {pairs} pairs {pairs - len(found)} are built and {len(found)} are refused.
What the options are: [methods.md](methods.md).

{markdown_table(HEAD, _rows(found))}
"""


def read_refused(page: Path) -> set[tuple[str, str]]:
    """The refused (model, ssl) pairs of a page as it was written. Raises DataError where it has none."""
    try:
        lines = page.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{page}: can't be read ({error.strerror}). Write it by make docs.") from error
    head = "| " + " | ".join(HEAD) + " |"
    if head not in lines:
        raise DataError(f"{page}: has no table of refused pairs. Write it by make docs.")
    rows = [line.split(" | ") for line in lines[lines.index(head) + 2 :] if line.startswith("|")]
    return {(model, ssl) for row in rows for ssl in _names(row[0]) for model in _names(row[1])}


def _rows(found: Refusals) -> list[list[str]]:
    """A row for each reason and set of models; rows of one reason stand together."""
    models: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (model, ssl), reason in found.items():
        models[reason, ssl].append(model)
    objectives: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (reason, ssl), names in models.items():
        objectives[reason, tuple(sorted(names))].append(ssl)
    return [[_list(objectives[key]), _list(key[1]), prose(key[0])] for key in sorted(objectives)]


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(code, sorted(names)))


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)
