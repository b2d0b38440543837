"""Each rule on what can go together: what breaks it is refused in one line, its neighbour is not."""

import pytest

from metassl.compatibility import RULES, check
from metassl.errors import ConfigError
from metassl.outcomes.classification import Classification
from metassl.outcomes.regression import Regression
from metassl.tasks.spec import TaskSpec
from metassl.trained.build import build_learner
from metassl.training.build import build_engine
from tests.support.episodes import SPEC

# rule -> words that break it, what the line says, words next to them that are fine
CASES = {
    "averages_need_a_follower": (
        ("model=maml", "ssl=none", "backbone.norm=running"), "backbone.norm: found 'running'",
        ("model=protonet", "ssl=none", "backbone.norm=running"),
    ),
    "norms_of_steps_need_to_be_told": (
        ("model=maml", "ssl=none", "backbone.norm=per_step"), "backbone.norm: found 'per_step'.*mamlpp",
        ("model=mamlpp", "ssl=none", "backbone.norm=per_step"),
    ),
    "meta_parameters_need_adaptation": (
        ("model=baseline", "ssl=masked_soft_kmeans"), "learned through the adaptation to training tasks",
        ("model=protonet", "ssl=masked_soft_kmeans"),
    ),
    "inner_losses_need_inner_steps": (
        ("model=protonet", "ssl=learned_critic"), "models that take gradient steps",
        ("model=maml", "ssl=learned_critic"),
    ),
    "virtual_steps_need_gradient_steps": (
        ("model=protonet", "ssl=reweight"), "what a gradient step on each label would do",
        ("model=maml", "ssl=reweight"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_refuses_what_it_is_for(make_config, rule: str) -> None:
    words, line, neighbour = CASES[rule]
    with pytest.raises(ConfigError, match=line) as caught:
        build_learner(make_config(*words), SPEC)
    assert "\n" not in str(caught.value)
    build_learner(make_config(*neighbour), SPEC)


def test_only_squares_can_be_turned(make_config) -> None:
    wide = TaskSpec(way=3, input_shape=(1, 16, 32), base_classes=40)
    with pytest.raises(ConfigError, match=r"turns images, found inputs of shape \(1, 16, 32\)"):
        build_learner(make_config("model=maml", "ssl=rotation"), wide)
    check(build_learner(make_config("model=maml", "ssl=rotation"), SPEC), SPEC)


def test_a_loss_of_the_support_is_for_what_descends_it(make_config) -> None:
    robust = TaskSpec(3, (1, 16, 16), 40, Classification(support_loss="gce"))
    with pytest.raises(
        ConfigError, match=r"^outcome.support_loss: .* takes no gradient steps \(HeadLearner\)"
    ):
        build_learner(make_config("model=protonet", "ssl=none"), robust)
    check(build_learner(make_config("model=maml", "ssl=none"), robust), robust)


def test_a_wrapped_objective_needs_what_it_wraps(make_config) -> None:
    words = ("model=protonet", "ssl=learned_weights", "ssl@ssl.wrapped=learned_critic")
    with pytest.raises(ConfigError, match="models that take gradient steps"):
        build_learner(make_config(*words), SPEC)


@pytest.mark.parametrize("engine", ["vmap", "threads"])
def test_moving_averages_need_a_loop(make_config, engine: str) -> None:
    config = make_config("model=protonet", "ssl=none", f"engine={engine}")
    learner = build_learner(config, SPEC)
    with pytest.raises(ConfigError, match="Allowed: engine=loop"):
        build_engine(config, learner)


CURVE = TaskSpec(way=1, input_shape=(1,), outcome=Regression())


@pytest.mark.parametrize(("words", "line", "neighbour"), [
    (("model=maml", "ssl=pseudo_label"), "ssl: PseudoLabel makes sense of tasks that ask for classes",
     ("model=maml", "ssl=label_propagation")),
    (("model=metaoptnet", "ssl=none"), "model: SVM makes sense of tasks that ask for classes, found tasks that "
     r"ask for values \(outcome=regression\)", ("model=r2d2", "ssl=none")),
    (("model=baseline", "ssl=none"), "model: BaselineLearner makes", ("model=anil", "ssl=none")),
    (("model=nearest_task", "ssl=none", "distance=task2vec"), "model: RetrievalLearner makes",
     ("model=nearest_task", "ssl=none")),
    (("model=maml", "ssl=consistency", "ssl.distractors=mask"), "ssl.distractors: Mask makes sense",
     ("model=maml", "ssl=consistency")),
    (("model=maml", "ssl=reweight"), "ssl: Reweight makes sense",
     ("model=maml", "ssl=reweight", "ssl@ssl.wrapped=label_propagation")),
])  # fmt: skip
def test_some_parts_know_classes_alone(make_config, words, line, neighbour) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        build_learner(make_config("backbone=mlp", *words), CURVE)
    assert "\n" not in str(caught.value)
    build_learner(make_config("backbone=mlp", *neighbour), CURVE)


def test_every_rule_has_a_case() -> None:
    assert {rule.__name__ for rule in RULES} == {
        *CASES,
        "turns_need_squares",
        "tasks_must_make_sense",
        "losses_of_the_support_need_gradient_steps",
    }
