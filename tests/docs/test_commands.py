"""Every command on a page is known to a test: it is run, with a small budget, or composed and checked.

What takes hours, or needs data that are not at hand, is composed: its config, its options or its suite is read
as the command would. A command that is on no list here fails.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser
from omegaconf import open_dict

from metassl.cli import map as pair_map
from metassl.cli import suite_options
from metassl.cli.arguments import prepare
from metassl.cli.commands import COMMANDS
from metassl.cli.composing import compose_config
from metassl.cli.flags import read_flags
from metassl.cli.own_configs import search_word
from metassl.cli.search_options import read_search_options
from metassl.cli.search_space import Space
from metassl.data.task_source import TaskSource
from metassl.experiments.suites.suite_file import read_suite
from metassl.files import read_json
from metassl.search.record import SearchRecord, write_record_file
from metassl.search.storage import own_storage
from metassl.trained.build import build_learner
from metassl.training.build import build_datamodule, build_source, build_task_spec, build_test_stream
from metassl.training.run import train_and_test
from tests.conftest import CONF, ROOT, TINY
from tests.support import console
from tests.support.composing import composed_once
from tests.support.job_folders import write_sweep
from tests.support.page_blocks import PAGES, blocks, commands, write_files
from tests.support.processes import done
from tests.support.searching import Here, pretend, search_here, space_of

SMALL = ("backbone.filters=4", "backbone.depth=2", *TINY)
YOUR_DATA, PICTURES = ROOT / "docs" / "your_data.md", ROOT / "docs" / "pictures.md"
WHEN = "outputs/<when>"  # a run's folder on the pages
SWEEP = "outputs/multirun/<when>"
ALL = [(place, tuple(words)) for page in PAGES for place, words in commands(page)]
DISTINCT = dict((words, place) for place, words in reversed(ALL))


WITH_TWIN = ("evaluation.twin=true", "evaluation.imbalance=10")


@pytest.fixture(scope="module", autouse=True)
def _composed_once() -> Iterator[None]:
    """A line of `train` is prepared, and then composed."""
    with composed_once():
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, glyphs_cache: Path) -> Path:
    """A folder in which the README's first training was run, as its reader runs it, and made runs."""
    folder = tmp_path_factory.mktemp("runs")
    first = next(
        words for place, words in ALL if place.startswith("README") and words[:2] == ("metassl", "train")
    )
    line = [*first[1:], *SMALL, *WITH_TWIN, "hydra.run.dir=run"]
    found = done(line, folder, {"METASSL_CACHE_DIR": str(glyphs_cache)})
    assert found.returncode == 0, found.stderr
    (folder / "said.txt").write_text(found.stdout)
    stopped = shutil.copytree(folder / "run", folder / "stopped")
    (stopped / "results.json").unlink()  # as if it had been stopped before its end
    write_sweep(folder / "sweep")
    return folder


@pytest.fixture
def here(runs: Path, glyphs_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the files of the page about extending and the runs in it; the current folder."""
    write_files(ROOT / "docs" / "extending.md", tmp_path)
    for name in ("run", "stopped", "sweep"):
        shutil.copytree(runs / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METASSL_CACHE_DIR", str(glyphs_cache))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def put(words: list[str], **places: str) -> list[str]:
    """The words with the test's own folders in place of those that the pages show."""
    return [word.replace(SWEEP, "sweep").replace(WHEN, places.get("run", "run")) for word in words]


def runs_well(line: list[str]) -> None:
    assert console.metassl(*line) == 0


@cache
def embedded() -> TaskSource:
    """The embedded data; METASSL_CACHE_DIR is the same in all tests."""
    return build_source(compose_config([], CONF))


def train(words: list[str]) -> None:
    """Checked and composed, as before a run; with the embedded data the learner and the tasks are made, too."""
    words = put(words, run="stopped")
    prepare(words, CONF)
    flags, typed = read_flags(words, get_args_parser())
    if flags.help:
        return
    config = compose_config([*search_word(flags.config_dir, typed), *typed], CONF, sweep=flags.multirun)
    if config.dataset.name == "glyphs":
        source = embedded()
        learner = build_learner(config, build_task_spec(config, source))
        build_datamodule(config, source, learner)
        build_test_stream(config, source, learner, config.evaluation.episodes)


def evaluate(words: list[str]) -> None:
    runs_well(["evaluate", *put(words), "evaluation.episodes=4"])
    (made,) = Path("run", "evaluations").iterdir()
    assert read_json(made / "results.json")["episodes"] == 4


def report(words: list[str]) -> None:
    """Run on a made sweep, on a run on curves, or on the stored results of the suite."""
    if any(word.startswith("run=") for word in words):
        words = [word.replace("run=...", "run=run") for word in words]
        config = compose_config(["dataset=curves", "paths.output_dir=run", *TINY], CONF)
        with open_dict(config):
            del config["hydra"]
        shutil.rmtree("run")
        Path("run").mkdir()
        train_and_test(config, Path("run"), {}, [])
    if words == ["outputs/search"]:
        make_search(Path("outputs", "search"))
    suites = [word.removeprefix("suite=") for word in words if word.startswith("suite=")]
    for name in suites:
        shutil.copytree(ROOT / "benchmarks" / "results" / name, Path("results", name))
    runs_well(["report", *put(words), *(["results=results"] if suites else [])])


def make_search(out: Path) -> None:
    """The folder of a search whose trials only pretend to train."""
    out.mkdir(parents=True)
    space = space_of(
        "ssl.weight=log_interval(0.01,10)", "model.steps=int_interval(1,8)", "ssl.rule=choice(a,b)"
    )
    trial = Here(partial(pretend, lambda values, step: 0.1 * step + 0.01 * int(values["model.steps"])))
    search_here(out, space, trial, 6, pruner="none", place=own_storage(out))
    write_record_file(out, SearchRecord(None, "search", "here", ("model=maml",), (), {}, 6))


def search(words: list[str]) -> None:
    """Many trainings take hours: the options are read, and every key of the space is checked."""
    options = read_search_options(words)
    assert Space(options).parameters


def fill_map(words: list[str]) -> None:
    """A whole map takes hours: the options are read and one pair is composed."""
    assert pair_map.read_options(words).models


def benchmark(words: list[str]) -> None:
    """A suite takes hours: its file is read and its cells are chosen."""
    assert suite_options.read_options(words).entries


def smoke(words: list[str]) -> None:
    """Run as it stands where it chooses pairs, else for one of them."""
    runs_well(["smoke", *words, *([] if words else ["models=[protonet]", "ssl=[none]"])])


def transfer(words: list[str]) -> None:
    """Run on a small run of the model that it is for."""
    runs_well(
        [
            "train",
            "model=nearest_task",
            "ssl=consistency",
            *SMALL,
            "evaluation.checkpoint=last",
            "hydra.run.dir=nearest",
        ]
    )
    runs_well(["transfer", *put(words, run="nearest"), "tasks=2"])


def label(words: list[str]) -> None:
    """Run on the table, or the pictures, that a page makes; a learner of one's own is a small run."""
    if words[0].startswith("images="):
        first_block(PICTURES)
        runs_well(["label", *put(words)])
        assert list(Path("photos").glob("*.csv"))
        return
    write_table()
    if any(word.startswith("model=") for word in words):
        training = next(
            list(w[1:]) for w, place in DISTINCT.items() if w[1] == "train" and "your_data" in place
        )
        runs_well([*training, *TINY, "hydra.run.dir=own"])
    runs_well(["label", *put(words, run="own")])
    assert list(Path().glob("*.csv")) != [Path("my.csv")]


def write_table() -> None:
    """Writes my.csv, as the page about it does."""
    first_block(YOUR_DATA)


def first_block(page: Path) -> None:
    """Does what the first Python of a page does."""
    first = next(block for block in blocks(page) if block.language == "python")
    exec(compile(first.text, str(page), "exec"), {})


def look(words: list[str]) -> None:
    """Run, on few tasks."""
    runs_well(["look", *put(words), "tasks=4"])


def export(words: list[str]) -> None:
    """Run as it stands."""
    runs_well(["export", *put(words)])


def models(words: list[str]) -> None:
    """Run as it stands."""
    runs_well(["models", *words])


def metassl(words: list[str]) -> None:
    """Help and version are printed; a command is done by the function above of its name."""
    if not words or words[0].startswith("-") or (words[1:] == ["--help"] and words[0] != "train"):
        runs_well(words)
    else:
        OF_METASSL[words[0]](words[1:])


Handler = Callable[[list[str]], None]
OF_METASSL: dict[str, Handler] = {
    "train": train, "evaluate": evaluate, "report": report, "map": fill_map, "benchmark": benchmark,
    "smoke": smoke, "transfer": transfer, "search": search, "label": label,
    "look": look, "export": export, "models": models,
}  # fmt: skip


def make(words: list[str]) -> None:
    """The target is there, and so is what it calls by name."""
    (target,) = words
    shown = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    for line in shown.stdout.splitlines():
        for word in shlex.split(line):
            assert not word.endswith(".py") or (ROOT / word).is_file(), word


def pip(words: list[str]) -> None:
    """The checkout, or the package by its name, with extras that it has."""
    assert words[0] == "install"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (what,) = [w for k, w in enumerate(words[1:]) if not w.startswith("-") and words[k] != "--constraint"]
    name, _, asked = what.partition("[")
    assert name in (".", "metassl")
    assert not asked or asked.removesuffix("]") in extras
    if "--constraint" in words:
        assert (ROOT / words[words.index("--constraint") + 1]).is_file()


def python_m(words: list[str]) -> None:
    """A module of the checkout that can be run, or pytest on files that are there."""
    name, *rest = words
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    if name == "pytest":
        paths = [word for word in rest if "/" in word or word.endswith(".py")]
        assert paths
        assert all((ROOT / path).exists() or Path(path).exists() for path in paths)
    else:
        assert '__name__ == "__main__"' in Path(spec.origin).read_text()


def python_script(words: list[str]) -> None:
    """A script of the checkout."""
    assert '__name__ == "__main__"' in (ROOT / words[0]).read_text()


HANDLERS: dict[tuple[str, ...], Handler] = {
    ("metassl",): metassl,
    ("make",): make,
    ("pip",): pip,
    ("python", "-m"): python_m,
    ("python",): python_script,
}


@pytest.mark.parametrize("words", DISTINCT, ids=lambda words: " ".join(words))
def test_a_command_works(words: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = DISTINCT[words]
    for start, handler in HANDLERS.items():
        if words[: len(start)] == start:
            handler(list(words[len(start) :]))
            return
    pytest.fail(f"{place}: no test knows how to try `{' '.join(words)}`")


def test_the_front_page_shows_what_a_run_prints(runs: Path) -> None:
    """The same rows; the figures are of a longer run."""
    shown = next(block.text for block in blocks(ROOT / "README.md") if block.language == "text")
    said = (runs / "said.txt").read_text()
    assert rows(shown) == rows(said[said.index("meta-test, ") : said.index("  written to")])


def test_the_page_of_your_data_shows_what_label_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table()
    runs_well(["label", "table=my.csv", "target=diagnosis"])
    shown = next(block.text for block in blocks(YOUR_DATA) if block.language == "text")
    assert rows(shown) == rows(capsys.readouterr().out)


def test_the_page_of_pictures_shows_what_label_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glyphs_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METASSL_CACHE_DIR", str(glyphs_cache))
    first_block(PICTURES)
    runs_well(["label", "images=photos/", "model=handwriting"])
    shown, said = (
        next(block.text for block in blocks(PICTURES) if block.language == "text"),
        capsys.readouterr(),
    )
    assert rows(shown) == rows(said.out)
    unlike = re.findall(r"\((0\.\d\d)(?: of 1)?\)", said.err)
    told = re.findall(
        r"training \((0\.\d\d) of 1\), their negatives less so \((0\.\d\d)\)", PICTURES.read_text()
    )
    assert told == [tuple(unlike)]


def rows(text: str) -> list[str]:
    """The words of each line, without its numbers, and what they exclude."""
    return [
        re.sub(r"\(CI .*|[-+]?\d[\d.]*( ± [\d.]+)?", "", line).rstrip() for line in text.strip().splitlines()
    ]


def test_pages_show_every_command() -> None:
    shown = {words[1] for words in DISTINCT if words[0] == "metassl" and len(words) > 1}
    assert {*COMMANDS} <= shown


def test_every_suite_on_the_page_is_there() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    suites = {path.stem for path in (ROOT / "benchmarks" / "suites").glob("*.yaml")}
    assert {name for name in suites if f"`{name}`" in page} == suites
    assert all(read_suite(ROOT / "benchmarks" / "suites", name).entries for name in suites)
