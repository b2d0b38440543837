"""The model for tables that comes with the package: that what it learned matters, on tables it has not met.

Legend: T tasks, n context rows, N way.
"""

from functools import cache

import torch
from torch import Tensor

import metassl
from metassl.heads.tabular.head import TabularInContext
from metassl.shipped import shipped_models
from metassl.tasks.episode import Episode

COUNT = 48


@cache
def tasks() -> Episode:
    """Test tables of one family."""
    options = {
        "dataset.source.families": ["clusters"], "dataset.source.columns": 32, "dataset.source.rows": [200, 300],
        "dataset.source.classes": [2, 5], "dataset.source.width": [4, 30], "episode.shot": 5,
        "episode.classes": 5,
    }  # fmt: skip
    return metassl.episodes_of("prior", "test", options=options).builder()(range(COUNT)).episodes


def rows(task: Episode, unlabelled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The context of a task with these unlabelled rows."""
    nothing = torch.zeros(len(unlabelled), task.way)
    w = torch.cat((task.support_weight, task.unlabelled.weight[: len(unlabelled)]))
    return torch.cat((task.support_x, unlabelled)), torch.cat((task.support_targets(), nothing)), w


@torch.no_grad()
def losses(head: TabularInContext, moved: bool = False) -> Tensor:
    """[T] the loss on the queries of tables of clusters; `moved`: with the unlabelled rows of the next table in place of its own."""
    given, found = tasks(), []
    for t in range(COUNT):
        task = given.task(t)
        other = given.task((t + 1) % COUNT) if moved else task
        state = head.fit(*rows(task, other.unlabelled.views["plain"]))
        logits = head.logits(state, task.query_x).masked_fill(~task.class_mask, -torch.inf)
        found.append(task.query_loss(logits))
    return torch.stack(found)


def pretrained() -> TabularInContext:
    return TabularInContext(pretrained="tables")


def test_it_is_small_and_has_a_card() -> None:
    file = shipped_models()["tables"]
    assert file.stat().st_size < 3_000_000
    card = (file.parent / "README.md").read_text()
    assert all(word in card for word in ("Licence", "seed", "steps", "tabular_prior"))


@cache
def trained() -> Tensor:
    """[T] the loss of the shipped model on clusters."""
    return losses(pretrained())


def test_mechanism_what_it_learned_helps_on_tables_it_has_not_met() -> None:
    """Against the same plain classifiers, each of the same weight."""
    lead = losses(TabularInContext()) - trained()
    assert lead.mean() > max(0.05, 2 * lead.std() / COUNT**0.5)


def test_mechanism_unlabelled_rows_of_another_table_do_harm() -> None:
    harm = losses(pretrained(), moved=True) - trained()
    assert harm.mean() > 2 * harm.std() / COUNT**0.5
