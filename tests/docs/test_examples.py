"""What the pages show as Python and as files works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metassl.files import read_json
from tests.conftest import ROOT, TINY
from tests.support.console import metassl
from tests.support.page_blocks import PAGES, Block, blocks, write_files

EXTENDING = ROOT / "docs" / "extending.md"
YOUR_DATA, PICTURES = ROOT / "docs" / "your_data.md", ROOT / "docs" / "pictures.md"
SHELL, CODE, FILES, PRINTED = {"bash"}, {"python"}, {"python", "yaml"}, {"text"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is(page: Path) -> None:
    """A block of no language, or a file of no known kind, would be run by no test."""
    for block in blocks(page):
        assert block.language in (FILES if block.title else SHELL | CODE | PRINTED), block.name
    assert page.read_text().count("```") == 2 * len(blocks(page))


def python_pages() -> list[Path]:
    return [page for page in PAGES if snippets(page)]


def snippets(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and not block.title]


@pytest.mark.filterwarnings("ignore:X. inverted, dark for light:UserWarning")  # a page shows it
@pytest.mark.parametrize("page", python_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_python_of_a_page_runs_in_its_order(
    page: Path,
    glyphs_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands, but with a tenth of the outer steps and of the test tasks where there are many."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METASSL_CACHE_DIR", str(glyphs_cache))
    names: dict[str, Any] = {}
    for block in snippets(page):
        text = re.sub(
            r"(steps|count)=(\d+)0\b", lambda found: f"{found[1]}={max(int(found[2]), 20)}", block.text
        )
        exec(compile("\n" * (block.line - 1) + text, str(page), "exec"), names)
    said = capsys.readouterr().out
    if page == YOUR_DATA:
        assert names["found"].verdict in said
        assert names["model"].score(names["x"], names["diagnosis"]) > 0.8
        return
    if page == PICTURES:
        assert names["found"].verdict in said
        return
    assert "what they are worth (paired)" in said
    chance = 0.2
    assert names["metassl"].evaluate(names["learner"], names["test"], count=20).score.mean > 2 * chance


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The files of the page about extending, in a folder outside of the checkout."""
    write_files(EXTENDING, tmp_path)
    return tmp_path


def run_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_the_folder_on_the_page_is_the_one_that_its_blocks_make(own: Path) -> None:
    shown = next(block.text for block in blocks(EXTENDING) if block.language == "text")
    made = {str(path.relative_to(own)) for path in own.rglob("*.*")}
    assert {line.split()[0] for line in shown.splitlines()[1:]} == made


def test_a_method_s_own_tests_pass(own: Path) -> None:
    done = run_in(own, "pytest", "-q", "-p", "no:cacheprovider", "test_sureness.py", "test_unicorn.py")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_methods_of_ones_own_train_and_are_tested_again(
    own: Path, glyphs_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    monkeypatch.setenv("METASSL_CACHE_DIR", str(glyphs_cache))
    words = ["backbone.filters=4", *TINY, "hydra.run.dir=mine"]
    assert metassl("train", "--config-dir", "my_conf", "model=unicorn", "ssl=sureness", *words) == 0
    about, results = read_json(own / "mine" / "run.json"), read_json(own / "mine" / "results.json")
    assert (about["choices"]["model"], about["choices"]["ssl"]) == ("unicorn", "sureness")
    assert 0 < results["accuracy"]["mean"] < 1
    assert metassl("evaluate", "--config-dir", "my_conf", "run=mine", "evaluation.seed=1") == 0
    (again,) = (own / "mine" / "evaluations").iterdir()
    assert read_json(again / "results.json")["episodes"] == results["episodes"]


def test_the_files_say_where_they_go_in_a_checkout() -> None:
    rows = re.findall(r"^\| `([\w./]+)` \| `([\w./]+)`", EXTENDING.read_text(), re.M)
    assert {here for here, _ in rows} == {block.title for block in blocks(EXTENDING) if block.title}
    for _, there in rows:
        assert (ROOT / there).parent.is_dir()
        assert not (ROOT / there).exists()
