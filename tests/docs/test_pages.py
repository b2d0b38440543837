"""The pages of docs/ say what is there now, and are written as their readers read them."""

import re
import shutil
from itertools import takewhile
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from metassl.docs.markdown import prose
from metassl.docs.methods import APART, groups, methods_page
from metassl.docs.options import option_names, read_option
from metassl.docs.pages import write_pages
from metassl.docs.refused import CLASSES, KINDS, VALUES, read_refused, refusals, refused_page
from metassl.errors import DataError
from tests.conftest import CONF, ROOT
from tests.support.composing import composed

DOCS = ROOT / "docs"
STALE = "docs/{} is not current: run make docs"


@pytest.fixture(scope="module")
def methods() -> str:
    return methods_page(CONF)


@pytest.fixture(scope="module")
def refused() -> str:
    """The page as it is; what is refused and why is what tests/test_product.py finds when it runs every pair."""
    return (DOCS / "refused.md").read_text()


def test_methods_are_current(methods: str) -> None:
    assert (DOCS / "methods.md").read_text() == methods, STALE.format("methods.md")


def test_the_page_of_refusals_is_what_is_made_of_them(refused: str) -> None:
    found = {kind.heading: read_refused(DOCS / "refused.md", kind, CONF) for kind in KINDS}
    assert refused_page(CONF, found) == refused, STALE.format("refused.md")


def test_refusals_of_some_pairs_are_found(tmp_path: Path) -> None:
    """By building them, as make docs does for all."""
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    few = {"model": ("maml", "protonet", "feat"), "ssl": ("none", "consistency", "learned_critic")}
    for group, names in few.items():
        for path in conf.glob(f"{group}/*.yaml"):
            if path.stem not in names:
                path.unlink()
    for kind in KINDS:
        known = read_refused(DOCS / "refused.md", kind, CONF)
        of_few = {(m, s): why for (m, s), why in known.items() if m in few["model"] and s in few["ssl"]}
        assert {pair: prose(why) for pair, why in refusals(conf, kind).items()} == of_few
        assert of_few


def test_every_option_has_one_row(methods: str) -> None:
    for group in groups(CONF):
        for name in option_names(group, CONF):
            assert len(re.findall(rf"\n\| `{group}={name}`(?= \||<br>)", methods)) == 1


def test_every_group_of_a_run_but_the_papers_cells_is_shown() -> None:
    assert {*groups(CONF), *APART} == {path.name for path in CONF.iterdir() if path.is_dir()}


def test_every_row_of_a_class_is_complete(methods: str) -> None:
    """Each option that builds a class of ours says what it does, where the class is and where it comes from."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in methods.splitlines() if "](../metassl/" in line]
    assert len(rows) > 60
    for option, purpose, origin, *_ in rows:
        assert purpose.strip(), option
        assert origin.strip(), option
        assert (DOCS / option.split("](")[1].strip(" )")).exists(), option


def test_every_file_s_own_words_are_on_the_page(methods: str) -> None:
    """The comment that a file of conf/ begins with says its source, and what was changed from it."""
    for group in groups(CONF):
        for name in option_names(group, CONF):
            lines = (CONF / group / f"{name}.yaml").read_text().splitlines()
            comment = takewhile(lambda line: line.startswith("#"), lines)
            said = " ".join(line.removeprefix("# ") for line in comment if not line.startswith("# @"))
            row = next(line for line in methods.splitlines() if line.startswith(f"| `{group}={name}`"))
            assert said.replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|") in row, (group, name)


def test_a_new_method_needs_only_its_file(tmp_path: Path) -> None:
    """A YAML file alone makes the row and moves the count."""
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / "ssl" / "surer.yaml").write_text(
        "# Nobody 1999, eq. 1.\ndefaults:\n  - entropy\nobjective:\n  temperature: 0.5\n"
    )
    page = methods_page(conf)
    count = len(option_names("ssl", CONF))
    assert f"[`ssl=`](#ssl): {count + 1} objectives" in page
    row = next(line for line in page.splitlines() if line.startswith("| `ssl=surer`<br>"))
    assert "entropy.py) | " in row
    assert " | Nobody 1999, eq. 1. |  | as `entropy`, `objective.temperature=0.5` |" in row


@pytest.mark.parametrize(("group", "name"), [("model", "anil"), ("model", "in_context"), ("ssl", "fixmatch")])
def test_values_are_those_of_the_composed_config(group: str, name: str) -> None:
    """What the page says of an option is what a run gets, and so are the classes."""
    config = OmegaConf.to_container(composed(f"{group}={name}"))
    option = read_option(group, name, CONF)
    for key, value in option.stated.items():
        inside = key if key.split(".")[0] in groups(CONF) else f"{group}.{key}"
        assert OmegaConf.select(OmegaConf.create(config), inside) == value
    for node, path in option.targets.items():
        assert (
            OmegaConf.select(OmegaConf.create(config), ".".join(filter(None, [group, node, "_target_"])))
            == path
        )


def test_a_refusal_is_read_as_it_was_written(tmp_path: Path, refused: str) -> None:
    page = tmp_path / "refused.md"
    page.write_text(refused)
    found, of_values = (set(read_refused(page, kind, CONF)) for kind in (CLASSES, VALUES))
    assert ("protonet", "learned_critic") in found & of_values
    assert ("baseline_pp", "learned_hparams") in found
    assert ("maml", "learned_critic") not in found | of_values
    assert ("maml", "fixmatch") in of_values - found
    assert ("tpn", "none") in of_values - found
    for pairs in (found, of_values):
        assert f"{len(pairs)} are refused" in refused


def test_a_page_without_the_table_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="make docs"):
        read_refused(tmp_path / "nothing.md", CLASSES, CONF)
    (tmp_path / "other.md").write_text("# Another page\n")
    with pytest.raises(DataError, match="make docs"):
        read_refused(tmp_path / "other.md", VALUES, CONF)


def test_only_what_has_changed_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "docs" / "page.md"
    monkeypatch.setattr("metassl.docs.pages.pages", lambda root: {root / "docs" / "page.md": "θ = 1\n"})
    assert write_pages(tmp_path) == [page]
    assert write_pages(tmp_path) == []
    page.write_text("another text")
    assert write_pages(tmp_path) == [page]
    assert [(path.name, path.read_text()) for path in page.parent.iterdir()] == [("page.md", "θ = 1\n")]
