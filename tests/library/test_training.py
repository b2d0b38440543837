"""Training and judging in a notebook: what they leave alone, what they say, and how they stop."""

import inspect
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import metassl
from metassl.backbones.mlp import MLP
from metassl.errors import ConfigError
from metassl.library.configs import composed
from metassl.library.history import KeepBestWeights
from metassl.outcomes.base import Score
from metassl.outcomes.classification import ACCURACY
from metassl.outcomes.regression import MSE
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.training.module import DivergedError

RNG = np.random.default_rng(2)
Y = np.repeat(np.arange(40), 20)
X = RNG.normal(size=(40, 6))[Y] + 0.7 * RNG.normal(size=(800, 6))
TRAIN, VAL, TEST = metassl.episodes(X, Y, queries=3).split_classes()


def learner(model: str = "protonet", **options: Any) -> metassl.MetaLearner:
    return metassl.learner(model, **{"ssl": "soft_kmeans", "task": TRAIN.task, **options})


def weights(made: metassl.MetaLearner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in made.parameters()]).clone()


def test_training_says_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO):
        metassl.fit(learner(), TRAIN, 4, validation=VAL)
    assert list(tmp_path.iterdir()) == []
    assert "".join(capfd.readouterr()) == ""
    assert caplog.text == ""


def test_training_leaves_random_numbers_and_signals_alone() -> None:
    made, state = learner(), torch.random.get_rng_state()
    before = signal.getsignal(signal.SIGINT)
    metassl.fit(made, TRAIN, 2)
    learner(seed=5)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_same_call_gives_the_same_weights() -> None:
    one, other, seeded = learner("maml"), learner("maml"), learner("maml", seed=1)
    assert torch.equal(weights(one), weights(other))
    assert not torch.equal(weights(one), weights(seeded))
    histories = [metassl.fit(each, TRAIN, 4, tasks=2) for each in (one, other)]
    assert torch.equal(weights(one), weights(other))
    assert histories[0]["train/loss"].values.tolist() == histories[1]["train/loss"].values.tolist()


def test_training_goes_on_where_it_was() -> None:
    """A learner that was judged in between trains in training mode again: its moving averages move."""
    made = learner()
    metassl.fit(made, TRAIN, 2)
    metassl.evaluate(made.eval(), TEST, 2)
    averages = {name: value.clone() for name, value in made.named_buffers() if "mean" in name}
    metassl.fit(made, TRAIN, 2)
    moved = [
        name
        for name, value in made.named_buffers()
        if name in averages and not torch.equal(value, averages[name])
    ]
    assert moved
    assert len(moved) == len(averages)


def test_objects_train_as_names_do() -> None:
    torch.manual_seed(0)
    made = metassl.HeadLearner(MLP((6,), norm="running")).attach(metassl.SSLTerm(SoftKMeans(), weight=0.3))
    named = learner()
    for each in (made, named):
        metassl.fit(each, TRAIN, 4)
    assert torch.equal(weights(made), weights(named))
    results = [metassl.evaluate(each, TEST, 10) for each in (made, named)]
    assert results[0].columns["loss"].tolist() == results[1].columns["loss"].tolist()


@pytest.mark.parametrize(("score", "values"), [(ACCURACY, (0.2, 0.9, 0.9)), (MSE, (0.9, 0.2, 0.2))])
def test_the_best_weights_are_kept(score: Score, values: Sequence[float]) -> None:
    """Those of the second of three validations, the first of equals."""
    made, seen = learner(ssl="none"), []
    keep = KeepBestWeights(made, score)
    for step, value in enumerate(values):
        with torch.no_grad():
            for p in made.parameters():
                p += 1
        seen.append(weights(made))
        trainer: Any = SimpleNamespace(
            callback_metrics={f"val/{score.name}": torch.tensor(value), f"val/{score.name}_ci95": 0.1},
            global_step=step,
            max_steps=2,
        )
        keep.on_validation_end(trainer, made)  # type: ignore[arg-type]
    assert keep.restore() == 1
    assert torch.equal(weights(made), seen[1])


def test_the_curves_have_the_steps_that_are_done() -> None:
    history = metassl.fit(learner(), TRAIN, 6, validation=VAL, options=["trainer.log_every=3"])
    assert history["train/loss"].steps.tolist() == [3, 6]
    assert history["val/accuracy"].steps.tolist() == [3, 6]
    assert history.steps == 6
    assert "val/accuracy" in repr(history)
    assert metassl.fit(learner(), TRAIN, 3).kept == 3


def test_options_reach_the_training() -> None:
    slow, fast, clipped = (learner() for _ in range(3))
    start = weights(slow)
    metassl.fit(slow, TRAIN, 1, optimizer="adam", options={"optimizer.optimizer.lr": 1e-5})
    metassl.fit(fast, TRAIN, 1, optimizer="adam", options=["optimizer.optimizer.lr=1e-2"])
    sgd = {"optimizer.optimizer._target_": "torch.optim.Adam"}
    metassl.fit(clipped, TRAIN, 1, optimizer="adam", options={"trainer.clip": 1e-12, **sgd})
    moves = [float((weights(each) - start).abs().max()) for each in (slow, fast, clipped)]
    assert moves[0] == pytest.approx(1e-5, rel=0.1)
    assert moves[1] == pytest.approx(1e-2, rel=0.1)
    assert moves[2] < 5e-4  # of Adam's rate 1e-3: its ε shows beside such small gradients


def test_stopped_by_hand_is_what_a_notebook_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    made, before = learner(), signal.getsignal(signal.SIGINT)
    calls = []

    def stop(*args: Any) -> Any:
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return original(*args)

    original = made.meta_loss
    monkeypatch.setattr(made, "meta_loss", stop)
    start = weights(made)
    with pytest.raises(KeyboardInterrupt):
        metassl.fit(made, TRAIN, 5)
    assert signal.getsignal(signal.SIGINT) is before
    assert not torch.equal(weights(made), start)  # the first step was done


def test_a_result_is_a_table() -> None:
    result = metassl.evaluate(learner(), TEST, 20, twin=learner(ssl="none"))
    text = str(result)
    assert f"{100 * result.columns['accuracy'].mean():.1f} ± " in text
    assert result.gain is not None
    difference = result.columns["accuracy"] - result.columns["accuracy_twin"]
    assert result.gain.mean == pytest.approx(difference.mean())
    assert result.gain.half_width == pytest.approx(1.96 * difference.std(ddof=1) / 20**0.5)
    alone = metassl.evaluate(learner(), TEST, 20)
    assert alone.gain is None
    assert "worth" not in str(alone)
    assert "deprived" in str(alone)
    assert "deprived" not in str(metassl.evaluate(learner(ssl="none"), TEST, 20))
    assert "queries unlabelled" in str(metassl.evaluate(learner(), TEST.having(transductive=True), 2))
    assert "[2, 5]-way" in str(metassl.evaluate(learner(), TEST.having(way=[2, 5]), 2))


def test_judging_agrees_with_the_tasks_one_by_one() -> None:
    """The i-th value is that of episodes[i] as the learner meets it."""
    made = learner("maml").eval()
    result = metassl.evaluate(made, TEST, 3, tasks=2)
    for k in range(3):
        task = TEST.batch([k], made).episodes.task(0)
        assert torch.equal(task.query_x, TEST[k].query_x)
        with torch.no_grad():
            right = made.query_logits(task, metassl.Stage()).argmax(-1) == task.query_y
        assert result.columns["accuracy"][k] == pytest.approx(float(right.float().mean()))


def test_defaults_are_those_of_the_command() -> None:
    config = composed({}, allowed=())
    fit, evaluate = (inspect.signature(f).parameters for f in (metassl.fit, metassl.evaluate))
    assert fit["tasks"].default == config.trainer.tasks
    assert evaluate["tasks"].default == config.evaluation.tasks
    assert config.evaluation.val_episodes == 200
    named = composed({"optimizer": fit["optimizer"].default, "engine": "threads"}, allowed=())
    assert (named.optimizer, named.engine) == (config.optimizer, config.engine)


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: learner("protonett"), "model: found 'protonett'. Did you mean 'protonet'? Allowed: alfa,"),
    (lambda: learner(ssl="soft_means"), "ssl: found 'soft_means'. Did you mean 'soft_kmeans'?"),
    (lambda: learner(backbone="conv5"), "backbone: found 'conv5'. Did you mean 'conv4'? Allowed: adapter, blocks, conv4, conv4_maps, mlp,"),
    (lambda: learner(backbone="conv4"), "backbone: conv4 needs images of at least 16×16"),
    (lambda: learner(options={"ssl.wieght": 1}), "options: found 'ssl.wieght'. Did you mean 'ssl.weight'?"),
    (lambda: learner(options={"model.rounds.x": 1}), "options: found 'model.rounds.x'."),
    (lambda: learner(options=["ssl.weight=strong"]), "ssl.weight: found 'strong', allowed is a number of at least 0."),
    (lambda: learner(options={"ssl.in_statistics": "yes"}), "ssl.in_statistics: found 'yes', allowed is true or false."),
    (lambda: learner(options=["ssl.weight=1,2"]), "options: found 'ssl.weight=1,2', allowed is one value, as key=value."),
    (lambda: learner(options=["ssl.weight"]), "options: "),
    (lambda: learner(options="ssl.weight=1"), "options: found the text 'ssl.weight=1', allowed is a list of such"),
    (lambda: learner(options={"trainer.steps": 1}), "options: found 'trainer.steps'."),
    (lambda: learner(options={"distance": "mdm"}), "distance: found 'mdm'. Did you mean 'mmd'?"),
    (lambda: learner(ssl="rotation"), "ssl: the objective turns images"),
    (lambda: learner(ssl=SoftKMeans), "ssl: found <class"),
    (lambda: learner(task=TRAIN), "task: found <Episodes of 24 classes"),
    (lambda: learner(seed=-1), "seed: found -1, allowed is a whole number of at least 0."),
    (lambda: metassl.fit(learner(), TRAIN, 0), "steps: found 0, allowed is a whole number of at least 1."),
    (lambda: metassl.fit(learner(), TRAIN, 2, tasks=0), "trainer.tasks: found 0, allowed is"),
    (lambda: metassl.fit(learner(), TRAIN, 2, seed=1.5), "seed: found 1.5, allowed is"),
    (lambda: metassl.fit(learner(), TRAIN, 2, optimizer="adams"), "optimizer: found 'adams'. Did you mean 'adam'?"),
    (lambda: metassl.fit(learner(), TRAIN, 2, engine="vmaps"), "engine: found 'vmaps'. Did you mean 'vmap'?"),
    (lambda: metassl.fit(learner(), TRAIN, 2, engine="vmap"), "engine: tasks can't run side by side"),
    (lambda: metassl.fit(learner(), TRAIN, 2, options={"ssl.weight": 1}), "options: found 'ssl.weight'."),
    (lambda: metassl.fit(learner(), TRAIN, 2, options={"trainer.steps": 1}), "options: found 'trainer.steps'. Did you mean"),
    (lambda: metassl.fit(learner(), TRAIN, 5, options={"trainer.val_every": 2}), "trainer.val_every: found 2, allowed are divisors of steps=5"),
    (lambda: metassl.fit(learner("maml"), TRAIN.having(way=7), 2), "learner: it can't take tasks of 7 classes with inputs of shape (6,)"),
    (lambda: metassl.evaluate(learner("maml"), TEST.having(way=7), 2), "learner: it can't take tasks of 7 classes"),
    (lambda: metassl.evaluate(learner(), metassl.episodes(X[:, :4], Y), 2), "learner: it can't take tasks of 5 classes with inputs of shape (4,)"),
    (lambda: metassl.evaluate(learner(), TEST, 0), "count: found 0, allowed is"),
    (lambda: metassl.dataset("glyph"), "dataset: found 'glyph'. Did you mean 'glyphs'?"),
    (lambda: metassl.dataset("glyphs", "tests"), "split: found 'tests'. Did you mean 'test'?"),
    (lambda: metassl.dataset("curves"), "dataset: 'curves' makes its tasks itself; take metassl.episodes_of('curves')."),
    (lambda: metassl.episodes_of("curve"), "dataset: found 'curve'. Did you mean 'curves'?"),
    (lambda: metassl.episodes_of("curves", "tests"), "split: found 'tests'. Did you mean 'test'?"),
    (lambda: metassl.episodes_of("curves", options={"episode.way": 3}), "options: found 'episode.way'."),
    (lambda: metassl.episodes_of("curves", options={"outcome": "classification"}), "outcome: found 'classification', which asks for classes"),
    (lambda: metassl.episodes_of("curves").split_classes(), "split_classes: found tasks without classes"),
    (lambda: metassl.dataset("arrays"), "dataset.source.path: has no default, give it as options={'dataset.source.path': ...}."),
]  # fmt: skip


@pytest.mark.parametrize(("run", "line"), WRONG, ids=[line for _, line in WRONG])
def test_a_mistake_ends_in_one_line(run: Callable[[], Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run()
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_divergence_ends_in_one_line() -> None:
    options = {"optimizer.optimizer.lr": 1e9}
    with pytest.raises(DivergedError, match="not finite at step"):
        metassl.fit(learner("maml", ssl="none"), TRAIN, 20, optimizer="adam", options=options)
