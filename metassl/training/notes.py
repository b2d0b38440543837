"""Says at the start of a run which of the options that were asked for change nothing in it."""

from collections.abc import Callable, Iterator, Sequence

from omegaconf import DictConfig

from metassl.learners.base import SSL, MetaLearner

Found = Iterator[tuple[str, str]]
Rule = Callable[[DictConfig, MetaLearner], Found]
"""(config, its learner) -> keys that change nothing there, each with the reason. A key ends in `.` where it
stands for all below it."""

OF_U = ("unlabelled", "distractors", "distractor_unlabelled", "imbalance", "class_aware")


def without_effect(config: DictConfig, learner: MetaLearner, overrides: Sequence[str]) -> list[str]:
    """A line for each option that was typed and has no effect.

    What an experiment's file or a default says is not looked at: nobody asked for it here.

    Args:
        config: of the run.
        learner: that it builds.
        overrides: what the user typed.
    """
    typed = {word.lstrip("+~").split("=")[0]: word for word in overrides if not word.startswith("~")}
    lines: dict[str, str] = {}
    for rule in RULES:
        for key, why in rule(config, learner):
            for name, word in typed.items():
                if name == key or (key.endswith(".") and name.startswith(key) and name not in lines):
                    lines.setdefault(name, f"{word.lstrip('+')} has no effect here: {why}")
    return list(lines.values())


def no_objective(config: DictConfig, learner: MetaLearner) -> Found:
    """Without an objective nothing of the SSL term takes part."""
    if not learner.ssl.objective.views:
        yield "ssl.", "ssl=none uses no unlabelled example."


def closed_forms(config: DictConfig, learner: MetaLearner) -> Found:
    """A refit has no steps, and a weight of its own; gradient steps know no refit."""
    objective, closed = learner.ssl.objective, not learner.traits.takes_gradient_steps
    if closed:
        why = "this model fits a closed form, without inner steps."
        of_steps = (f"ssl.objective.{name}" for name in objective.over_steps)
        yield from ((key, why) for key in ("ssl.step_schedule", "ssl.from_step", *of_steps))
        if not objective.penalises and not learner.traits.reads_unlabelled:
            yield "ssl.weight", "this model weighs U in its refit, by ssl.refit_weight."
    if not closed:
        yield "ssl.refit_weight", "this model takes gradient steps, in which ssl.weight weighs U."
    elif not objective.labels:
        yield "ssl.refit_weight", "this objective labels nothing, so there is no refit; its λ is ssl.weight."


def places(config: DictConfig, learner: MetaLearner) -> Found:
    """Where U does not enter, neither how strongly nor when counts."""
    places, at = learner.ssl.places, learner.ssl.at
    if not places.outer:
        yield "ssl.outer_weight", f"with ssl.at={at} U enters no outer loss."
    if not (places.train_inner or places.outer):
        for key in ("ssl.start", "ssl.ramp"):
            yield key, f"with ssl.at={at} U enters at the test alone."
    if not (places.train_inner or places.test_inner):
        for key in ("ssl.weight", "ssl.refit_weight", "ssl.from_step", "ssl.step_schedule"):
            yield key, f"with ssl.at={at} U enters the outer loss alone, by ssl.outer_weight."


def distractors(config: DictConfig, learner: MetaLearner) -> Found:
    """Options for distractors need some, and a policy."""
    if learner.ssl.policy is None:
        yield "ssl.distractor_threshold", "it is the number of a policy, and ssl.distractors=none."
    for place in ("episode", "episode.test"):
        if _at(config, place, "distractors") == 0:
            yield f"{place}.distractor_unlabelled", f"there are no distractors ({place}.distractors=0)."


def quality(config: DictConfig, learner: MetaLearner) -> Found:
    """Options of damage need a kind of it."""
    for place in ("episode", "episode.test"):
        if _at(config, place, "corruption") == "none":
            for key in ("corruption_severity", "corruption_parts"):
                yield f"{place}.{key}", f"nothing is damaged ({place}.corruption=none)."


def unlabelled_queries(config: DictConfig, learner: MetaLearner) -> Found:
    """Where U is Q, its make-up is that of Q: balanced, and without distractors."""
    for place in ("episode", "episode.test"):
        if _at(config, place, "transductive"):
            for key in OF_U:
                yield f"{place}.{key}", f"with {place}.transductive=true U is the queries."


def norms(config: DictConfig, learner: MetaLearner) -> Found:
    """Options of a norm that another one does not read."""
    if not learner.backbone.traits.from_support:
        yield "ssl.in_statistics", f"norm={learner.backbone.norm} has no statistics of the support."
    if not learner.backbone.traits.per_step:
        yield "backbone.norm_steps", f"norm={learner.backbone.norm} has no scales of single steps."
    if config.backbone.get("norm", learner.backbone.norm) != learner.backbone.norm:
        yield "backbone.norm", "this network keeps the norms that it came with."


def corrections(config: DictConfig, learner: MetaLearner) -> Found:
    """Sizes of low-rank corrections that there are none of."""
    if "lora_rank" in config.backbone and config.backbone.train != "lora":
        for name in ("lora_rank", "lora_alpha"):
            yield f"backbone.{name}", f"it is of backbone.train=lora, found {config.backbone.train}."


def parameters(config: DictConfig, learner: MetaLearner) -> Found:
    """A learning rate for what is not there."""
    if not any(name.startswith(SSL) for name, _ in learner.named_parameters()):
        yield "optimizer.ssl_lr", "this objective has no parameters of its own."


def judging(config: DictConfig, learner: MetaLearner) -> Found:
    """More controls than there are episodes, and a twin that nobody asks for."""
    found = config.evaluation
    if found.baseline_episodes > found.episodes:
        yield "evaluation.baseline_episodes", f"the controls take all {found.episodes} episodes of the test."
    if not found.twin:
        yield "evaluation.train_twin", "with evaluation.twin=false there is none."


RULES: tuple[Rule, ...] = (
    no_objective, places, closed_forms, distractors, quality, unlabelled_queries, norms, corrections,
    parameters, judging,
)  # fmt: skip


def _at(config: DictConfig, place: str, key: str) -> object:
    """What episodes of training, or of validation and test, are made with."""
    own = config.episode.test.get(key) if place == "episode.test" else None
    return config.episode.get(key) if own is None else own
