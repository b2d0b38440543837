"""Meta-test: fixed episodes, the same for every method, each adapted to with and without U.

Legend: T tasks, Q query, N way.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from metassl.evaluation.features import MetaTest
from metassl.outcomes.classification import accuracy, cross_entropy
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

Columns = dict[str, np.ndarray]


def meta_test(test: MetaTest, variants: dict[str, Stage], label: str) -> Columns:
    """Per-episode accuracy and loss of each variant, on identical episodes.

    Args:
        test: a learner with its trained weights, on its device, and the episodes; they must end.
        variants: name -> stage, such as {"": TEST, "_without_unlabelled": CONTROL}.
        label: of the progress bar.

    Returns:
        {"accuracy" + name: [episodes], "loss" + name: [episodes]} for each variant, float64.
    """
    test.learner.eval()
    found: dict[str, list[Tensor]] = {f"{k}{name}": [] for name in variants for k in ("accuracy", "loss")}
    with tqdm(total=test.stream.episodes, desc=label, unit="episode", leave=False) as bar, torch.no_grad():
        for batch in test.batches():
            tasks = batch.episodes
            for name, stage in variants.items():
                correct, loss = _scores(test.query_logits(tasks, stage), tasks)
                found[f"accuracy{name}"].append(correct)
                found[f"loss{name}"].append(loss)
            bar.update(tasks.count)
    return {name: _column(parts) for name, parts in found.items()}


def _scores(logits: Tensor, tasks: Episode) -> tuple[Tensor, Tensor]:
    """[T] accuracies and [T] losses on the queries."""
    pairs = (logits, tasks.query_y, tasks.query_weight)
    return torch.vmap(accuracy)(*pairs), torch.vmap(cross_entropy)(*pairs)


def _column(parts: Iterable[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).double().cpu().numpy()
