"""The public names: all there, cheap to import, and a few lines build any pair."""

import subprocess
import sys

import pytest
import torch

import metassl
from metassl.backbones.conv4 import Conv4
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.consistency.mean_teacher import MeanTeacher
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.tasks.episode import Unlabelled

TASK = metassl.TaskSpec(way=3, input_shape=(1, 16, 16), base_classes=40)


def test_every_public_name_is_there() -> None:
    assert dir(metassl) == sorted(metassl.__all__)
    for name in metassl.__all__:
        assert getattr(metassl, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Espisode'"):
        _ = metassl.Espisode


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, metassl; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def episode() -> metassl.Episode:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 3, 1, 16, 16, generator=generator)
    y, ones = torch.arange(3), torch.ones(3)
    views = {name: x[2] for name in ("plain", "first", "second")}
    u = Unlabelled(views, ones, torch.zeros(3, 0))
    none = Unlabelled({}, ones[:0], torch.zeros(0, 0))
    return metassl.Episode(x[0], y, ones, x[1], y, ones, u, none, y >= 0, y, torch.zeros(0))


def learners() -> dict[str, metassl.MetaLearner]:
    """Pairs in a line each, every constructor with its own defaults."""
    backbone = lambda: Conv4((1, 16, 16), filters=4)  # noqa: E731
    with_teacher = metassl.MAML(backbone(), TASK)
    return {
        "maml": metassl.MAML(backbone(), TASK).attach(metassl.SSLTerm(Consistency(), weight=2.0)),
        "protonet": metassl.HeadLearner(backbone()).attach(metassl.SSLTerm(SoftKMeans())),
        "teacher": with_teacher.attach(metassl.SSLTerm(MeanTeacher(with_teacher.theta()))),
        "alone": metassl.MAML(backbone(), TASK),
    }


@pytest.mark.parametrize("name", ["maml", "protonet", "teacher", "alone"])
def test_a_few_lines_build_adapt_and_predict(name: str) -> None:
    torch.manual_seed(0)
    learner, task = learners()[name], episode()
    metassl.check(learner, TASK)
    adapted = learner.adapt(task, metassl.Stage())
    assert learner.predict(adapted, task.query_x).shape == (3, 3)
    loss, scores = learner.meta_loss(task, metassl.Stage(training=True))
    loss.backward()
    assert scores["loss"].isfinite()
    # batch norm takes a convolution's bias away again
    learned = (p for name, p in learner.backbone.named_parameters() if not name.endswith("conv.bias"))
    assert all(p.grad is not None for p in learned)
