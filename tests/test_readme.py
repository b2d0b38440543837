"""The front pages say what is there, and what they show works with every model."""

import re

import torch

from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import Stage
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_source, build_task_spec
from tests.conftest import CONF, ROOT
from tests.support.calls import outer_gradients
from tests.support.page_blocks import blocks
from tests.support.short import shorten

README = ROOT / "README.md"
ROOMS = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_front_page_is_short() -> None:
    assert len(README.read_bytes()) < 5950  # for people with tasks, and for those with a table


def test_example_objective_runs_with_every_model(make_config) -> None:
    code = next(block for block in blocks(ROOT / "docs" / "extending.md") if block.title == "sureness.py")
    names: dict = {}
    exec(code.text, names)
    for model in sorted(path.stem for path in (CONF / "model").glob("*.yaml")):
        config = make_config(f"model={model}")
        shorten(config.model)
        source = build_source(config)
        learner = build_learner(config, build_task_spec(config, source))
        learner.attach(SSLTerm(names["Sureness"](), weight=0.1, start=0, ramp=0))
        tasks = build_episodes(config, source, learner, "train", 0)(range(1)).episodes
        with_u, _ = outer_gradients(learner, tasks)
        without, _ = outer_gradients(learner, tasks, Stage(training=True, unlabelled=False))
        assert any(not torch.equal(with_u[name], without[name]) for name in with_u)


def test_every_config_says_where_it_comes_from() -> None:
    for path in [*(CONF / "model").glob("*.yaml"), *(CONF / "ssl").glob("*.yaml")]:
        head = "".join(line for line in path.read_text().splitlines(True)[:3] if line.startswith("#"))
        known = re.search(r"(19|20)\d\d", head) or path.stem in ("none", "nearest_task")
        assert known, f"{path} names no source"


def test_named_folders_exist() -> None:
    named = re.findall(r"^(metassl/[\w./]+|train\.py|conf/|docs/|benchmarks/)", ROOMS, re.M)
    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_room_is_on_the_list() -> None:
    """A folder of the package that the list of where things are leaves out can't be found by a newcomer."""
    rooms = {path.parent.name for path in (ROOT / "metassl").glob("*/__init__.py")}
    assert set(re.findall(r"^metassl/(\w+)/ ", ROOMS, re.M)) == rooms
