"""What the README shows works as it stands there."""

import re

import pytest
import torch

from metassl.tasks.stage import Stage
from metassl.training.build import build_contents, build_episodes, build_learner, build_task_spec
from tests.conftest import CONF, ROOT
from tests.support.calls import outer_gradients

README = (ROOT / "README.md").read_text()


def test_example_objective_runs_with_every_model(make_config) -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "Sureness" in block)
    names: dict = {}
    exec(code, names)
    for model in sorted(path.stem for path in (CONF / "model").glob("*.yaml")):
        config = make_config(
            f"model={model}", "ssl=pseudo_label", "ssl.start=0", "ssl.ramp=0", "ssl.weight=0.1"
        )
        contents = build_contents(config)
        learner = build_learner(config, build_task_spec(config, contents))
        learner.ssl.objective = names["Sureness"]()
        tasks = build_episodes(config, contents, learner, "train", 0)(range(2)).episodes
        with_u, _ = outer_gradients(learner, tasks, Stage(training=True))
        without, _ = outer_gradients(learner, tasks, Stage(training=True, unlabelled=False))
        assert any(not torch.equal(with_u[name], without[name]) for name in with_u)


@pytest.mark.parametrize("group", ["dataset", "episode", "backbone", "engine"])
def test_named_options_exist(group: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{group}`"))
    for option in (path.stem for path in (CONF / group).glob("*.yaml")):
        assert f"`{option}`" in row, f"{group}={option} is not in the README"


@pytest.mark.parametrize(("group", "title"), [("model", "Meta-learners"), ("ssl", "SSL objectives")])
def test_every_method_has_a_line_with_its_paper(group: str, title: str) -> None:
    table = README.split(f"## {title}\n")[1].strip().split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines()]
    named = {name: row[3].strip() for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    options = {path.stem for path in (CONF / group).glob("*.yaml")}
    named.pop(group, None)  # the head of the table
    assert set(named) == options
    assert all(paper for name, paper in named.items() if name != "none")
    count = re.search(rf"\| `{group}` \| (\d+) ", README)
    assert count is not None
    assert int(count[1]) == len(options - {"none"})


def test_every_config_says_where_it_comes_from() -> None:
    for path in [*(CONF / "model").glob("*.yaml"), *(CONF / "ssl").glob("*.yaml")]:
        head = "".join(line for line in path.read_text().splitlines(True)[:3] if line.startswith("#"))
        known = re.search(r"(19|20)\d\d", head) or path.stem in ("none", "nearest_task")
        assert known, f"{path} names no source"


def test_named_folders_exist() -> None:
    for path in re.findall(r"^(metassl/[\w./]+|train\.py|conf/)", README, re.M):
        assert (ROOT / path).exists(), path
