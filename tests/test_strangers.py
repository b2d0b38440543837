"""What somebody else's folder or file asks for: nothing of it runs, writes elsewhere, sends, or lives in a page."""

import json
import re
import shutil
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown import markdown
from omegaconf import OmegaConf, open_dict
from PIL import Image

from metassl.cli.arguments import prepare
from metassl.cli.composing import compose_config
from metassl.cli.evaluate import run_config, run_folder
from metassl.cli.resume import resume_words
from metassl.cli.saved_words import saved_words
from metassl.data.images.image_folder import ImageFolder
from metassl.errors import UserError
from metassl.experiments.suites.suite_file import read_suite
from metassl.reports import dots, heat_maps, lines
from metassl.reports.suites.report import write_suite_report
from metassl.reports.sweeps import learning_curves
from metassl.reports.sweeps.pair_map import write_pair_map
from metassl.reports.sweeps.report import write_sweep_report
from metassl.runs.config import load_config
from metassl.runs.definition import known_places
from metassl.targets import refuse_foreign_targets
from tests.conftest import CONF
from tests.support.broken_files import EPS
from tests.support.job_folders import write_job
from tests.support.suite_files import TEXT, cell

WORDS = ["model=protonet", "ssl=none", "engine=auto", "dataset=omniglot", "seed=3"]


@pytest.fixture(scope="module")
def config() -> str:
    """The config that the words give on this machine."""
    made = compose_config(WORDS, CONF)
    with open_dict(made):
        del made["hydra"]
        made.paths.output_dir = "somewhere"
    return OmegaConf.to_yaml(made, resolve=True)


@pytest.fixture
def run(tmp_path: Path, config: str) -> Path:
    """The folder of a run, stopped on its way, that somebody sent."""
    folder = tmp_path / "run"
    for name in ("checkpoints", ".hydra"):
        (folder / name).mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"")
    (folder / "run.json").write_text('{"choices": {}}')
    (folder / "config.yaml").write_text(config)
    say(folder, WORDS)
    return folder


def say(folder: Path, words: list[str]) -> None:
    """Lets the folder say that it was typed so."""
    OmegaConf.save(OmegaConf.create(words), folder / ".hydra" / "overrides.yaml")


def go_on(folder: Path, *typed: str) -> list[str]:
    """The words that a run goes on with."""
    return resume_words([f"resume={folder}", *typed], [], False, lambda words: compose_config(words, CONF))


# A word of the folder that is left out, and what of it must be nowhere.
LEFT_OUT = {
    "a tracker": ("logger.extra.tracking_uri=http://host/${oc.env:SECRET}", "http"),
    "a logger": ("logger=mlflow", "mlflow"),
    "a logger's folder": ("+logger.extra.save_dir=/elsewhere", "elsewhere"),
    "a cache": ("paths.cache_dir=/elsewhere", "elsewhere"),
    "data": ("paths.data_dir=/elsewhere", "elsewhere"),
    "twins": ("paths.twin_dir=/elsewhere", "elsewhere"),
    "output": ("paths.output_dir=/elsewhere", "elsewhere"),
    "an engine's file": ("engine.cache=/elsewhere/bashrc", "elsewhere"),
    "kernels to be loaded": ("engine.candidates.compiled.cache=/elsewhere", "elsewhere"),
    "a download": ("dataset.source.data_dir=/elsewhere", "elsewhere"),
    "a launcher": ("hydra/launcher=joblib", "joblib"),
    "a callback": ("+hydra.callbacks.x._target_=os.system", "os.system"),
    "a folder of Hydra": ("hydra.run.dir=/elsewhere", "elsewhere"),
    "a search path": ("hydra.searchpath=[file:///elsewhere]", "elsewhere"),
    "callbacks of our own": ("+callbacks.x._target_=os.system", "os.system"),
    "another folder to go on with": ("resume=/elsewhere", "elsewhere"),
}
# A word of the folder that ends in one line, and a part of it.
REFUSED = {
    "the environment": ("dataset.name=${oc.env:SECRET}", "is not looked up"),
    "the environment, hidden": ("dataset.name='x\\${oc.env:SECRET}'", "is not looked up"),
    "another resolver": ("seed=${hydra:runtime.cwd}", "is not looked up"),
    "a path of this machine": ("dataset.name=${paths.data_dir}", "is not looked up"),
    "a place in a whole section": (
        "+engine.candidates.x={_target_: metassl.engine.compiled.Compiled, cache: /elsewhere}", "Where files lie",
    ),
    "a place in another section": (
        "+model.x={_target_: metassl.engine.compiled.Compiled, cache: /elsewhere}", "Where files lie",
    ),
    "code": ("model._target_=os.system", "is refused"),
    "code in a loader of tensors": ("model._target_=torch.hub.load", "is refused"),
    "code in a layer that runs elsewhere": ("+model.x._target_=torch.distributed.nn.RemoteModule", "is refused"),
    "code that is ours, but no method": ("model._target_=metassl.runs.twins.TwinStore", "is refused"),
    "arguments without names": ("+model.x={_target_: metassl.engine.compiled.Compiled, _args_: [/elsewhere]}", "_args_"),
    "a group in another's place": ("ssl@logger=none", "is refused"),
    "a sweep": ("seed=1,2", "is refused"),
}  # fmt: skip


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_defines_no_experiment_is_left_out(run: Path, what: str) -> None:
    say(run, [*WORDS, LEFT_OUT[what][0]])
    kept, _ = saved_words(run, [], {argument for _, argument in known_places()})
    assert kept == WORDS


def test_what_defines_no_experiment_stays_in_the_folder(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it, from the command line to the config that runs."""
    monkeypatch.setenv("SECRET", "s3cret")
    say(run, [*WORDS, *(word for word, _ in LEFT_OUT.values())])
    words = prepare([f"resume={run}"], CONF)
    assert words == [*WORDS, f"hydra.run.dir={run}", f"resume={run}"]
    found = OmegaConf.to_yaml(compose_config(words, CONF)) + capsys.readouterr().err
    assert "s3cret" not in found
    for _, trace in LEFT_OUT.values():
        assert trace not in found.split("say it again:")[0].replace("https://hydra.cc", "")


def test_left_out_words_are_named_and_can_be_said_again(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(run, [*WORDS, "logger=mlflow"])
    go_on(run)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "say it again: logger=mlflow" in said
    assert "logger=mlflow" in go_on(run, "logger=mlflow")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("what", REFUSED)
def test_a_word_that_asks_for_more_is_one_line(run: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    word, line = REFUSED[what]
    say(run, [*WORDS, word])
    with pytest.raises(UserError, match=line) as caught:
        go_on(run)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_group_within_the_experiment_stays_with_its_package(run: Path) -> None:
    """`ssl@ssl.wrapped` is another word than `ssl`: neither takes the other's place."""
    wrapped = ["ssl=learned_hparams", "ssl@ssl.wrapped=entropy"]
    say(run, wrapped)
    assert saved_words(run, [], set()) == (wrapped, [])
    assert saved_words(run, ["ssl@ssl.wrapped=gmm"], set()) == (wrapped[:1], [])


def test_what_the_user_types_counts_and_may_be_looked_up(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "omniglot")
    say(run, [*WORDS, "dataset.name=${oc.env:SECRET}", "engine.cache=/elsewhere"])
    words = go_on(run, "dataset.name=${oc.env:MINE}", "engine.cache=/mine")
    assert "engine.cache=/mine" in words
    assert "SECRET" not in " ".join(words)


def test_a_config_is_followed_to_no_other_place(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """evaluate, report and transfer read config.yaml: its places are today's, its loggers none."""
    monkeypatch.setenv("METASSL_DATA_DIR", "/today")
    config = OmegaConf.load(run / "config.yaml")
    config.engine.cache = config.engine.candidates.compiled.cache = "/elsewhere"
    config.dataset.source.data_dir = config.paths.cache_dir = config.paths.twin_dir = "/elsewhere"
    config.paths.output_dir = config.paths.data_dir = "/elsewhere"
    config.logger = {"extra": {"_target_": "os.system", "command": "echo /elsewhere"}}
    config.callbacks = {"x": "/elsewhere"}
    OmegaConf.save(config, run / "config.yaml")
    found = run_config(run, [])
    assert "elsewhere" not in OmegaConf.to_yaml(found)
    assert found.dataset.source.data_dir == "/today"
    assert found.logger.extra is None
    assert run_config(run, ["paths.data_dir=/mine"]).dataset.source.data_dir == "/mine"


@pytest.mark.parametrize("value", ["${oc.env:SECRET}", "x ${paths.data_dir}", "${oc.env:${seed}}"])
def test_a_config_looks_nothing_up(run: Path, value: str) -> None:
    config = OmegaConf.load(run / "config.yaml")
    config.dataset.name = value
    OmegaConf.save(config, run / "config.yaml")
    with pytest.raises(UserError, match="which is not followed"):
        load_config(run / "config.yaml")
    with pytest.raises(UserError, match="which is not followed"):
        go_on(run)


@pytest.mark.parametrize(
    "place", ["evaluations", "checkpoints", ".hydra", ".hydra/config.yaml", "metrics.csv"]
)
def test_a_link_out_of_the_folder_is_refused(run: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    if (run / place).is_dir():
        shutil.copytree(run / place, outside)
        shutil.rmtree(run / place)
    else:
        outside.mkdir()
    (run / place).symlink_to(outside)
    for command in (lambda: go_on(run), lambda: run_folder([f"run={run}"])):
        with pytest.raises(UserError, match="is a link that leads out of the folder"):
            command()


def test_every_argument_that_is_a_place_is_known() -> None:
    """Those whose configs refer to `paths`, found by the classes' own names for them."""
    known = {(kind.__name__, argument) for kind, argument in known_places()}
    assert {
        ("Auto", "cache"),
        ("Compiled", "cache"),
        ("Omniglot", "data_dir"),
        ("CifarFS", "data_dir"),
    } <= known


@pytest.mark.parametrize(
    "target", ["pytorch_lightning.loggers.MLFlowLogger", "metassl.training.csv_log.CSVLog", "metassl.cli.sweep.SweepReport",
               "torch.fx.GraphModule", "torch.jit.ScriptModule", "torch.utils.data.DataLoader"],
)  # fmt: skip
def test_what_writes_sends_or_compiles_defines_no_experiment(target: str) -> None:
    with pytest.raises(UserError, match="is refused"):
        refuse_foreign_targets({"model": {"_target_": target}})


def test_no_picture_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript"))
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(EPS)
    with Image.open(tmp_path / "ant" / "a.png") as opened:  # Pillow alone would take it
        assert opened.format == "EPS"
    with pytest.raises(UserError, match="unknown format"):
        ImageFolder(tmp_path, 8).read()


EVIL = [
    "<script>alert(1)</script>", "```\n<script>alert(1)</script>\n```", "````` \n\n<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))", "![](http://host/pixel.png)", "<!-- ", "</pre><script>1</script>", "a | b\n\n# heading",
    "&lt;script&gt;", "$\\frac{$ $x$", "\x1b]0;title\x07\x1b[2J", "\u202egnp.exe", "[a]: http://host", "<http://host>",
    "*a* _b_ ~~c~~ **d**", "\\<script>", "`<script>`",
]  # fmt: skip


class Tags(HTMLParser):
    """The tags and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.links |= {
            f"{name}={value}" for name, value in attrs if name in ("src", "href") or name.startswith("on")
        }


PLAIN = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "p",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
PLAIN |= {"img", "pre", "code", "strong", "br", "ul", "li", "a"}
PLAIN |= {"main", "div", "link", "figure", "figcaption", "span", "details", "summary", "script"}
# Of a page: a picture inside it, a folder below or beside it, its own icon.
HARMLESS = re.compile(r"src=data:image/png;base64,[\w+/]+=*|href=\./[\w./%~-]*|href=data:,")


def check_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        assert text.isprintable() or not any(letter in text for letter in "\x1b\x07\u202e")
        text = markdown(text, extensions=["tables", "fenced_code"])
    tags = Tags(text)
    assert tags.found <= PLAIN, tags.found - PLAIN
    assert all(HARMLESS.fullmatch(link) or re.fullmatch(r"src=[\w.]+", link) for link in tags.links), (
        tags.links
    )
    if page.suffix == ".html":  # the page's policy allows no script but this one, and no address
        (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
        assert b64encode(sha256(script.encode()).digest()).decode() in text
        assert "default-src 'none'" in text


def test_nothing_lives_in_the_report_of_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for drawing in (heat_maps, dots, lines, learning_curves):
        monkeypatch.setattr(
            drawing, "save_png", lambda figure, path: path.write_bytes(b"no picture")
        )  # see below
    sweep = tmp_path / "sweep"
    for number, evil in enumerate(EVIL):
        facts = {"norm": evil, "commit": evil, "split": evil}
        write_job(sweep / str(number), evil, evil, 0, extra=[f"a={evil}", f"{evil}=3"], **facts)
    failed = write_job(sweep / "99", EVIL[0], "none", 1, extra=EVIL)
    (failed / "status.json").write_text(json.dumps({"status": EVIL[0], "error": " ".join(EVIL)}))
    text, paths = write_sweep_report(sweep, sweep)
    assert "\x1b" not in text
    for page in (*paths[:2], *write_pair_map(sweep)[:2]):
        check_page(page)


def test_a_picture_shows_names_as_they_are(tmp_path: Path) -> None:
    """Neither mathematics, which may be none, nor what is not seen, nor more than there is room for."""
    for number, name in enumerate(("$\\frac{$", "\x1b[2J", "long" * 300 + "\n" * 300)):
        write_job(tmp_path / str(number), name, name, 0)
    _, paths = write_sweep_report(tmp_path, tmp_path)
    names = ["report.md", "report.html", "heatmap.png", "intervals.png", "curves.png"]
    assert [path.name for path in paths] == names
    with Image.open(tmp_path / "heatmap.png") as picture:
        assert max(picture.size) < 3000


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_lives_in_the_report_of_a_suite(tmp_path: Path, evil: str) -> None:
    (tmp_path / "mine.yaml").write_text(TEXT)
    suite = read_suite(tmp_path, "mine")
    record = {
        **cell(95),
        "norm": evil,
        "hardware": evil,
        "packages": {evil: evil},
        "commit": {"revision": evil},
    }
    content = {"table": "", "row": "one", "seed": 0, "cells": {"plain": record}}
    (tmp_path / "one-0.json").write_text(json.dumps(content))
    stated = {"accuracy": 95.0, "tolerance": 0.5, "source": evil}
    _, paths = write_suite_report(suite, dict.fromkeys(("a/x", "a/y", "a/z"), stated), tmp_path)
    for page in paths[:2]:
        check_page(page)
    assert paths[1].suffix == ".html"


def test_no_result_names_a_file_elsewhere(tmp_path: Path) -> None:
    """A report of two outcomes has pictures of both, named by them."""
    write_job(tmp_path / "sweep" / "0", "maml", "none", 0)
    write_job(tmp_path / "sweep" / "1", "maml", "vat", 0, outcome="x/../../../evil")
    with pytest.raises(UserError, match=r"results\.json: 'outcome' is .*, expected a word"):
        write_sweep_report(tmp_path / "sweep", tmp_path / "sweep")
    assert {path.name for path in tmp_path.iterdir()} == {"sweep"}
