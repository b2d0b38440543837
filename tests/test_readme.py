"""What the README shows works as it stands there."""

import re
from pathlib import Path

import pytest
import torch

from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import Stage
from metassl.training.build import build_episodes, build_learner, build_source, build_task_spec
from tests.conftest import CONF, ROOT
from tests.support.calls import outer_gradients

README = (ROOT / "README.md").read_text()


def test_example_objective_runs_with_every_model(make_config) -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "Sureness" in block)
    names: dict = {}
    exec(code, names)
    for model in sorted(path.stem for path in (CONF / "model").glob("*.yaml")):
        config = make_config(f"model={model}", "ssl=pseudo_label")
        contents = build_source(config)
        learner = build_learner(config, build_task_spec(config, contents))
        learner.attach(SSLTerm(names["Sureness"](), weight=0.1, start=0, ramp=0))
        tasks = build_episodes(config, contents, learner, "train", 0)(range(2)).episodes
        with_u, _ = outer_gradients(learner, tasks)
        without, _ = outer_gradients(learner, tasks, Stage(training=True, unlabelled=False))
        assert any(not torch.equal(with_u[name], without[name]) for name in with_u)


def test_every_config_says_where_it_comes_from() -> None:
    for path in [*(CONF / "model").glob("*.yaml"), *(CONF / "ssl").glob("*.yaml")]:
        head = "".join(line for line in path.read_text().splitlines(True)[:3] if line.startswith("#"))
        known = re.search(r"(19|20)\d\d", head) or path.stem in ("none", "nearest_task")
        assert known, f"{path} names no source"


def test_named_folders_exist() -> None:
    for path in re.findall(r"^(metassl/[\w./]+|train\.py|conf/|docs/|benchmarks/)", README, re.M):
        assert (ROOT / path).exists(), path


def test_every_room_is_on_the_list() -> None:
    """A folder of the package that the list of where things are leaves out can't be found by a newcomer."""
    rooms = {path.parent.name for path in (ROOT / "metassl").glob("*/__init__.py")}
    assert set(re.findall(r"^metassl/(\w+)/ ", README, re.M)) == rooms


def test_the_example_is_where_its_config_looks_for_it() -> None:
    module = re.search(r"_target_: (metassl[\w.]+)\.Sureness", README)
    assert module is not None
    path = module[1].replace(".", "/") + ".py"
    assert f"`{path}`" in README
    assert (ROOT / path).parent.is_dir()
    assert not (ROOT / path).exists()


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_links_lead_somewhere(page: Path) -> None:
    """Files that a page links to exist, and so do the headings."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        name, _, heading = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        assert not heading or heading in headings(path), target


def headings(page: Path) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
