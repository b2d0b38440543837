"""10,000 test episodes on Omniglot, against easyfsl's evaluation: python -m benchmarks.meta_test [episodes].

5-way 1-shot, 15 queries a class for ProtoNet; 14 queries, 5 unlabelled images a class for soft k-means.
Conv4-64 with moving averages. The whole test is timed, with every embedding; easyfsl's on 200 episodes, since
it has no end to gain. benchmarks.meta_test_check compares the results. Needs Omniglot (METASSL_DATA_DIR).
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.peers.episodes import InMemory, easyfsl_loader
from benchmarks.peers.maml import Setting, network
from benchmarks.tasks import compose
from benchmarks.timing import save
from metassl.data.class_tasks import ClassTasks
from metassl.data.pool import Contents
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.meta_test import meta_test
from metassl.tasks.stage import TEST
from metassl.trained.build import build_learner
from metassl.training.allocator import keep_freed_memory
from metassl.training.build import build_engine, build_source, build_task_spec, build_test_stream

EPISODES, PEER_EPISODES, DIRECT_EPISODES = 10_000, 200, 200


def for_easyfsl(contents: Contents) -> InMemory:
    """The test classes' images in memory, for easyfsl."""
    counts, wanted = np.asarray(contents.counts), list(contents.splits["test"])
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rows = np.concatenate([np.arange(starts[k], starts[k] + counts[k]) for k in wanted])
    return InMemory(np.asarray(contents.items[rows]), [k for k in wanted for _ in range(counts[k])])


def peer_rate(contents: Contents) -> float:
    """Episodes a second of easyfsl's evaluation with its ProtoNet on the same network."""
    from easyfsl.methods import PrototypicalNetworks
    from easyfsl.utils import evaluate

    loader = easyfsl_loader(for_easyfsl(contents), PEER_EPISODES)
    net = network(Setting(64, 28, 1))[:-1]
    for module in net:  # moving averages at test, as ours
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = True
            module.register_buffer("running_mean", torch.zeros(64))
            module.register_buffer("running_var", torch.ones(64))
    model = PrototypicalNetworks(net).eval()
    return PEER_EPISODES / seconds(lambda: evaluate(model, loader, device="cpu", use_tqdm=False))


def our_test(ssl: str, episodes: int) -> MetaTest:
    """The direct test of a learner with a few steps' averages in its norms."""
    queries, unlabelled = (15, 0) if ssl == "none" else (14, 5)
    size = [f"episode.queries={queries}", f"episode.unlabelled={unlabelled}", "backbone.filters=64"]
    config = compose("model=protonet", f"ssl={ssl}", "dataset=omniglot", *size)
    contents = build_source(config)
    torch.manual_seed(0)
    learner = build_learner(config, build_task_spec(config, contents))
    stream = build_test_stream(config, contents, learner, episodes)
    with torch.no_grad():  # averages that fit the images
        for _ in range(20):
            learner.backbone(next(iter(stream)).episodes.query_x.flatten(0, 1))
    return MetaTest(learner.eval(), build_engine(config, learner), stream)


def with_table(test: MetaTest) -> MetaTest:
    """The test from a table of features; the direct one in its place would compare ours with itself."""
    fast = embed_once(test, [TEST])
    if fast is test:
        raise RuntimeError("the table of features is not in use")
    return fast


def measure(ssl: str, episodes: int, peer: float) -> dict[str, Any]:
    """One row: episodes a second with the table of features, and the direct way."""
    test = our_test(ssl, episodes)
    direct = MetaTest(test.learner, test.engine, test.stream.first(DIRECT_EPISODES))
    rate = episodes / seconds(lambda: meta_test(with_table(test), {"": TEST}, "meta-test"))
    direct_rate = DIRECT_EPISODES / seconds(lambda: meta_test(direct, {"": TEST}, "meta-test"))
    return {
        "ssl": ssl,
        "episodes": episodes,
        "episodes_per_second": rate,
        "direct_episodes_per_second": direct_rate,
        "easyfsl_episodes_per_second": peer,
        "times_easyfsl": rate / peer,
    }


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(episodes: int) -> None:
    """Prints and stores a row for each of ProtoNet and soft k-means."""
    source = build_source(compose("dataset=omniglot"))
    assert isinstance(source, ClassTasks)
    peer = peer_rate(source.contents)  # before our allocator's settings, which would help it, too
    keep_freed_memory()
    rows = [measure(ssl, episodes, peer) for ssl in ("none", "soft_kmeans")]
    for row in rows:
        print(row)
    save("meta_test", rows, "python -m benchmarks.meta_test")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EPISODES)
