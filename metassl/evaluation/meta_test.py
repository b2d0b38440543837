"""Meta-test: fixed episodes, the same for every method, each adapted to at one or more stages.

Legend: T tasks, Q query, K outputs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from metassl.evaluation.features import MetaTest
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

Columns = dict[str, np.ndarray]
CONSTANT = "constant"
FAMILY = "family"
OF_EPISODES = (CONSTANT, FAMILY)  # the same whoever is tested


def meta_test(test: MetaTest, variants: Mapping[str, Stage], label: str | None = None) -> Columns:
    """What each variant scores on each episode, on identical episodes.

    Args:
        test: a learner with its trained weights, on its device, and the episodes; they must end.
        variants: name -> stage, such as {"": TEST, "_deprived": CONTROL}.
        label: of the progress bar; None: there is none.

    Returns:
        {"loss" + name: [episodes], and the same of all that the outcome measures} for each variant, and
        {"constant": the deciding score of a guess that knows no input}, and {"family": number of the task's
        family} where there are several; float64.
    """
    test.learner.eval()
    found: dict[str, list[Tensor]] = defaultdict(list)
    hidden = label is None
    with (
        tqdm(total=test.stream.episodes, desc=label, unit="episode", leave=False, disable=hidden) as bar,
        torch.no_grad(),
    ):
        for batch in test.batches():
            tasks = batch.episodes
            for name, stage in variants.items():
                for measured, values in _scores(test.query_logits(tasks, stage), tasks).items():
                    found[f"{measured}{name}"].append(values)
            found[CONSTANT].append(_constant(tasks))
            found[FAMILY].append(batch.oracle.family)
            bar.update(tasks.count)
    columns = {name: _column(parts) for name, parts in found.items()}
    if not columns[FAMILY].any():
        del columns[FAMILY]
    return columns


@torch.no_grad()
def findings(test: MetaTest, stage: Stage) -> Columns:
    """What the learner finds of each episode besides its scores, see MetaLearner.findings."""
    found: dict[str, list[Tensor]] = defaultdict(list)
    for batch in test.batches():
        seen = test.findings(batch.episodes, stage)
        if (
            not seen
        ):  # nor will it be of the next ones: most learners find nothing, and drawing tasks takes time
            break
        for name, values in seen.items():
            found[name].append(values)
    return {name: _column(parts) for name, parts in found.items()}


def query_measures(outputs: Tensor, tasks: Episode) -> dict[str, Tensor]:
    """By name, [T] what the outcome measures of the queries' outputs [T, Q, K]."""
    columns = outputs, tasks.query_y, tasks.query_weight, dict(tasks.units)
    return torch.vmap(tasks.outcome.measure)(*columns)


def _scores(outputs: Tensor, tasks: Episode) -> dict[str, Tensor]:
    columns = outputs, tasks.query_y, tasks.query_weight
    return {**query_measures(outputs, tasks), "loss": torch.vmap(tasks.outcome.loss)(*columns)}


def _constant(tasks: Episode) -> Tensor:
    columns = (
        tasks.support_y, tasks.support_weight, tasks.query_y, tasks.query_weight, tasks.class_mask,
        dict(tasks.units),
    )  # fmt: skip
    return torch.vmap(tasks.outcome.constant)(*columns)


def _column(parts: Iterable[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).double().cpu().numpy()
