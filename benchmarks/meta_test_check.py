"""Whether the fast meta-test gives what the direct one gives: python -m benchmarks.meta_test_check [n].

The learners and the first n episodes of benchmarks.meta_test: each image embedded once, against the direct
way. To see that the comparison can fail, it is made once more with a table that is wrong on purpose: each
image has the features of the image before it. Images are also embedded in parts of several sizes, to see what
rounding there is between the two ways. Needs Omniglot (METASSL_DATA_DIR).
"""

import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.meta_test import our_test, with_table
from benchmarks.timing import save
from metassl.backbones.base import Backbone
from metassl.evaluation.features import IMAGES, Table
from metassl.evaluation.meta_test import Columns, meta_test
from metassl.tasks.stage import TEST

EPISODES = 200
PARTS = (1, 5, 75)  # alone, a support, the queries of an episode
NEAR = 1e-4  # of losses


def check(ssl: str, episodes: int) -> dict[str, Any]:
    """One row; fails where the two ways differ, or where the wrong table does not."""
    direct = our_test(ssl, episodes)
    fast = with_table(direct)
    expected, found = (meta_test(test, {"": TEST}, "meta-test") for test in (direct, fast))
    table = fast.learner.backbone
    assert isinstance(table, Table)
    table.features[: table.met] = table.features[: table.met].roll(1, 0)
    wrong = meta_test(fast, {"": TEST}, "meta-test")
    near, far = apart(found, expected), apart(wrong, expected)
    if not near["largest_loss_difference"] < NEAR < far["largest_loss_difference"]:
        raise RuntimeError(f"{ssl}: apart by {near}, with the wrong table by {far}")
    images = next(iter(direct.batches())).episodes.query_x.flatten(0, 1)[:IMAGES]
    return {
        "ssl": ssl,
        "episodes": episodes,
        **{name: {"mean": float(v.mean()), "std": float(v.std())} for name, v in expected.items()},
        **near,
        "wrong_table": far,
        "features_differ_by": {str(n): rounding(direct.learner.backbone, images, n) for n in PARTS},
    }


def apart(found: Columns, expected: Columns) -> dict[str, float]:
    """How far two results are from each other."""
    return {
        "accuracies_that_differ": int((found["accuracy"] != expected["accuracy"]).sum()),
        "largest_loss_difference": float(np.abs(found["loss"] - expected["loss"]).max()),
    }


@torch.no_grad()
def rounding(backbone: Backbone, images: Tensor, size: int) -> float:
    """The largest difference between features of images embedded in parts of this size, and all at once."""
    parts = torch.cat([backbone(part) for part in images.split(size)])
    return float((parts - backbone(images)).abs().max())


def main(episodes: int) -> None:
    """Prints and stores a row for each of ProtoNet and soft k-means."""
    rows = [check(ssl, episodes) for ssl in ("none", "soft_kmeans")]
    for row in rows:
        print(row)
    save("meta_test_check", rows, "python -m benchmarks.meta_test_check")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EPISODES)
