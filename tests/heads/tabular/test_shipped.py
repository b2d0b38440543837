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

COUNT = 40


@cache
def tasks(family: str) -> Episode:
    """Test tables of one family."""
    options = {
        "dataset.source.families": [family], "dataset.source.columns": 32, "dataset.source.rows": [200, 300],
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
def losses(head: TabularInContext, family: str, moved: bool = False) -> Tensor:
    """[T] the loss on the queries; `moved`: with the unlabelled rows of the next table in place of its own."""
    given, found = tasks(family), []
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


def test_mechanism_what_it_learned_helps_on_tables_it_has_not_met() -> None:
    """Against the same plain classifiers, each of the same weight."""
    for family in ("networks", "clusters"):
        lead = losses(TabularInContext(), family) - losses(pretrained(), family)
        assert lead.mean() > 2 * lead.std() / COUNT**0.5


def test_mechanism_unlabelled_rows_of_another_table_do_harm() -> None:
    harm = losses(pretrained(), "clusters", moved=True) - losses(pretrained(), "clusters")
    assert harm.mean() > 2 * harm.std() / COUNT**0.5


@torch.no_grad()
def test_mechanism_it_weighs_classifiers_by_the_table() -> None:
    """Near rows and labels that spread get more where classes are curves than where they are nodes."""
    head, share = pretrained(), {}
    for family in ("shapes", "networks"):
        given = tasks(family)
        weights = []
        for t in range(COUNT):
            task = given.task(t)
            state = head.fit(*rows(task, task.unlabelled.views["plain"]))
            weights.append(state.weights.softmax(-1))
        share[family] = torch.stack(weights).mean(0)
    assert (share["shapes"] - share["networks"]).abs().sum() > 0.05
