"""A broken file, or one made to do harm, ends in one line that names it: no trace, and nothing new on the disk.

Each kind of file that metassl reads is broken in many ways, and read by the command that reads it.
"""

import io
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from omegaconf import OmegaConf, open_dict
from PIL import Image
from pyarrow import parquet

from metassl.checkpoint_file import read_checkpoint
from metassl.cli.command import run_command
from metassl.cli.evaluate import evaluate_run
from metassl.cli.resume import resume_words
from metassl.data.arrays import Arrays
from metassl.data.images.image_folder import ImageFolder
from metassl.data.images.omniglot import Omniglot
from metassl.data.store import load
from metassl.experiments.suites.suite_file import read_suite
from metassl.reports.suites.report import write_suite_report
from metassl.reports.sweeps.report import write_sweep_report
from metassl.runs.twins import TwinStore
from metassl.training.run import train_and_test
from tests.conftest import TINY
from tests.support import broken_files as broken
from tests.support.composing import composed
from tests.support.job_folders import write_job
from tests.support.suite_files import TEXT, cell

Cases = Mapping[str, bytes]
LEAST = 60  # broken files


class Attempts:
    """Puts each broken file in its place, runs a command, and looks at how it ended."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys, self.count, self.wrong = root, capsys, 0, list[str]()

    def __call__(self, path: Path, cases: Cases, command: Callable[[], object], control: bool = True) -> None:
        """Each of the cases in the place of a file; the command takes the good one if it is a `control`."""
        good = path.read_bytes() if path.is_file() else None
        if good is not None and control:  # the line is about the file, and not about all files
            with warnings.catch_warnings(action="ignore"):
                assert run_command(command) == 0, self.capsys.readouterr().err
        for what, content in cases.items():
            path.write_bytes(content)
            self._attempt(f"{path.name}, {what}", command, path.name)
        path.unlink() if good is None else path.write_bytes(good)

    def _attempt(self, what: str, command: Callable[[], object], named: str) -> None:
        before = self._files()
        self.capsys.readouterr()
        self.count += 1
        try:
            with warnings.catch_warnings(action="ignore"):
                code: object = run_command(command)
        except SystemExit as stop:
            code = stop.code
        except Exception as error:
            self.wrong.append(f"{what}: {type(error).__name__}: {error}")
            return
        said = self.capsys.readouterr().err
        if code in (0, None):
            self.wrong.append(f"{what}: accepted")
        elif said.count("\n") > 3 or named not in said or "Traceback" in said or "pickle=True" in said:
            self.wrong.append(f"{what}: said {said!r}")
        if self._files() - before:
            self.wrong.append(f"{what}: left {self._files() - before}")

    def _files(self) -> set[Path]:
        return {path for path in self.root.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.fixture
def attempts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Attempts]:
    made = Attempts(tmp_path, capsys)
    yield made
    assert not made.wrong, f"{len(made.wrong)} of {made.count}:\n" + "\n".join(made.wrong)
    assert made.count >= 4
    TRIED.append(made.count)


TRIED: list[int] = []


@pytest.fixture(scope="module")
def trained(tiny_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The config and the folder of a run that was stopped after its training."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    words = ["model=protonet", "ssl=none", "dataset=arrays", f"dataset.source.path={tiny_npz}", *TINY]
    words += ["backbone.filters=4", f"paths.cache_dir={folder.parent / 'cache'}", "paths.twin_dir=."]
    config = composed(*words)
    with open_dict(config):
        config.paths.output_dir, config.paths.twin_dir = str(folder), str(folder.parent / "twins")
    train_and_test(config, folder, {"model": "protonet"}, [])
    (folder / ".hydra").mkdir()
    OmegaConf.save(OmegaConf.create(words), folder / ".hydra" / "overrides.yaml")
    return config, folder


@pytest.fixture
def run(trained: tuple[Any, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained[1], tmp_path / "run"))


def test_arrays(attempts: Attempts, tiny_arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "my.npz"
    attempts(path, broken.npz_files(tiny_arrays), lambda: load(Arrays(path), tmp_path / "cache"))


def test_splits(attempts: Attempts, tiny_npz: Path, tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    cases = {k: v for k, v in broken.JSON.items() if k != "nothing in it"}
    cases |= {"other classes": b'{"train": ["a"]}', "numbers": b'{"train": 3}', "valid": b'{"valid": []}'}
    attempts(path, cases, lambda: load(Arrays(tiny_npz, splits=path), tmp_path / "cache"))


def test_pictures(attempts: Attempts, tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / "my" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "my" / name / "one.png")
    path = tmp_path / "my" / "bee" / "two.png"
    attempts(path, broken.pictures(), lambda: load(ImageFolder(tmp_path / "my", 8), tmp_path / "cache"))


def test_archives(attempts: Attempts, tmp_path: Path) -> None:
    path = tmp_path / "omniglot" / "images_background.zip"
    path.parent.mkdir()
    members = {"images_background/A/character01/1.png": broken.EPS}
    cases = {**broken.BYTES, **broken.archives(members), "EPS": broken.archive(members)}
    attempts(path, cases, lambda: load(Omniglot(tmp_path, download=False), tmp_path / "cache"))


def test_caches(attempts: Attempts, tiny_npz: Path, tmp_path: Path) -> None:
    def read() -> object:
        return load(Arrays(tiny_npz), tmp_path / "cache")

    read()
    meta = next((tmp_path / "cache").rglob("meta.json"))
    items = meta.with_name("items.npy")
    size = items.stat().st_size

    def as_long(content: bytes) -> bytes:
        return content.ljust(size, b"\0")[:size]

    forged = {what: as_long(content) for what, content in broken.BYTES.items()}
    forged |= {"36 TiB": as_long(broken.npy((broken.HUGE,))), "objects": as_long(broken.npy((2,), "|O"))}
    forged |= {"another type": as_long(broken.npy((5,), "<f8")), "longer": items.read_bytes() + b"0"}
    attempts(items, {**broken.BYTES, **forged}, read)
    wrong = {"shape": "a", "dtype": "|O", "bytes": None, "counts": {"a": 1}, "class_names": 3, "splits": [1]}
    wrong |= {"meta": "a"}
    changes = [lambda c, k=k, v=v: c.update({k: v}) for k, v in wrong.items()]
    edited = dict(zip(wrong, broken.changed(meta.read_bytes(), *changes), strict=True))
    edited |= {"counts of text": broken.changed(meta.read_bytes(), lambda c: c.update(counts=["a"] * 40))[0]}
    edited |= {"endless counts": broken.changed(meta.read_bytes(), lambda c: c.update(counts=[10**30]))[0]}
    attempts(meta, {**broken.JSON, **edited}, read)


def test_config_of_a_run(attempts: Attempts, run: Path) -> None:
    whole = (run / "config.yaml").read_bytes()
    cases = {**broken.YAML, "an empty file": b"", "a model of text": whole + b"\nmodel: a\n"}
    cases |= {"a resolver in it": whole.replace(b"name: arrays", b"name: ${oc.env:HOME}")}
    cases |= {"aliases": broken.ALIASES.encode() + whole}
    attempts(run / "config.yaml", cases, lambda: evaluate_run([f"run={run}"]))
    attempts(run / "run.json", broken.JSON, lambda: evaluate_run([f"run={run}"]))


def test_weights_of_a_run(attempts: Attempts, run: Path, tmp_path: Path) -> None:
    path, flag = run / "checkpoints" / "best.ckpt", tmp_path / "flag"
    cases = broken.checkpoints(path.read_bytes(), str(flag))
    attempts(path, cases, lambda: evaluate_run([f"run={run}"]))


def test_words_of_a_run(attempts: Attempts, run: Path) -> None:
    (run / "results.json").unlink()

    def go_on() -> object:
        return resume_words([f"resume={run}"], [], False, lambda words: pytest.fail(f"composed {words}"))

    cases = {**broken.YAML, "keys": b"a: 1\n", "numbers": b"[1, 2]\n", "no grammar": b"- 'a=[1,'\n"}
    cases |= {"a sweep": b"- seed=1,2\n", "a resolver": b"- dataset.name=${oc.env:HOME}\n"}
    cases |= {"another place": b"- ssl@logger=none\n", "a hidden one": b"- 'model.x=${oc.env:${seed}}'\n"}
    attempts(run / ".hydra" / "overrides.yaml", cases, go_on, control=False)


def test_checkpoint_of_a_run_to_go_on_with(attempts: Attempts, run: Path, trained: tuple[Any, Path]) -> None:
    config = trained[0].copy()
    with open_dict(config):
        config.resume = config.paths.output_dir = str(run)
    path = run / "checkpoints" / "last.ckpt"
    cases = broken.resumed_checkpoints(read_checkpoint(path), str(run / "flag"))
    attempts(path, cases, lambda: train_and_test(config, run, {}, []))
    curves = {"no step": b"a,b\n1,2\n", "no number": b"step,a\nx,1\n", "endless": b"step,a\ninf,1\n"}
    curves |= {"a long cell": b"step,a\n1," + b"9" * 200_000, "noise": broken.BYTES["noise"]}
    attempts(run / "metrics.csv", curves, lambda: train_and_test(config, run, {}, []))


def test_runs_of_a_report(attempts: Attempts, tmp_path: Path) -> None:
    for number, model in enumerate(("maml", "protonet")):
        write_job(tmp_path / "sweep" / str(number), model, "none", 0)
    job = tmp_path / "sweep" / "1"

    def report() -> object:
        return write_sweep_report(tmp_path / "sweep", tmp_path / "out")

    about = broken.changed(
        (job / "run.json").read_bytes(),
        lambda c: c.update(choices=["maml"]), lambda c: c["choices"].update(model=["a"]),
        lambda c: c.update(seed=10**30), lambda c: c.update(overrides="a" * 9000), lambda c: c.update(overrides={"a": {"b": {}}}),
    )  # fmt: skip
    attempts(job / "run.json", {**broken.JSON, **{f"about {k}": v for k, v in enumerate(about)}}, report)
    results = broken.changed(
        (job / "results.json").read_bytes(),
        lambda c: c.update(accuracy=0.5), lambda c: c["accuracy"].update(mean="a"), lambda c: c["accuracy"].update(ci95=[1]),
        lambda c: c.update(score="../../x"), lambda c: c.update(outcome="../../x"), lambda c: c.update(score="banana"),
        lambda c: c.update(wall_seconds="a"), lambda c: c.update(episodes=[1]), lambda c: c.update(unbalanced=3),
        lambda c: c.update(norm=[[1]]), lambda c: c.update(gain="a"), lambda c: c.update(validation={"mean": 10**400}),
    )  # fmt: skip
    attempts(
        job / "results.json", {**broken.JSON, **{f"results {k}": v for k, v in enumerate(results)}}, report
    )
    attempts(
        job / "status.json",
        {k: v for k, v in broken.JSON.items() if k not in ("nothing in it", "a long number")},
        report,
    )
    curves = {
        "no step": b"a,b\n1,2\n3,4\n",
        "no number": b"step,a\nx,1\n2,3\n",
        "endless": b"step,a\ninf,1\n2,3\n",
    }
    curves |= {"a long cell": b"step,a\n1," + b"9" * 200_000 + b"\n2,3\n", "far": b"step,a\n1e300,1\n2,3\n"}
    attempts(job / "metrics.csv", curves, report)
    attempts(job / "episodes.parquet", tables((job / "episodes.parquet").read_bytes()), report)


def tables(whole: bytes) -> Cases:
    def table(**columns: Any) -> bytes:
        file = io.BytesIO()
        parquet.write_table(pa.table(columns), file)
        return file.getvalue()

    return {
        **broken.BYTES, **broken.cut(whole), "other columns": table(a=[1]), "text": table(episode=["a"], accuracy=[1.0]),
        "nulls": table(episode=[0], accuracy=[None]), "lists": table(episode=[0], accuracy=[[1.0]]),
        "a bomb": table(episode=pa.array(np.zeros(11_000_000, np.int8)), accuracy=pa.array(np.zeros(11_000_000, np.int8))),
    }  # fmt: skip


def test_records_of_a_suite(attempts: Attempts, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TEXT)
    suite = read_suite(tmp_path, "mine")
    stated: Any = {name: {"accuracy": None, "tolerance": 1, "source": "a"} for name in ("a/x", "a/y", "a/z")}
    path = tmp_path / "results" / "one-0.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"table": "", "row": "one", "seed": 0, "cells": {"plain": cell(95)}}))
    changes = broken.changed(
        path.read_bytes(),
        lambda c: c.update(cells=[]), lambda c: c.update(cells={"plain": 3}), lambda c: c.update(seed="a"),
        lambda c: c.update(row=3), lambda c: c["cells"]["plain"].pop("accuracy"), lambda c: c["cells"]["plain"].pop("commit"),
        lambda c: c["cells"]["plain"].update(accuracy={"mean": "a", "ci95": 0}), lambda c: c["cells"]["plain"].update(packages=3),
        lambda c: c["cells"]["plain"].update(accuracy={"mean": 1}), lambda c: c["cells"]["plain"].update(score="../x"),
        lambda c: c["cells"]["plain"].update(training_seconds="a"), lambda c: c["cells"]["plain"].update(reduced="a"),
    )  # fmt: skip
    cases = {**broken.JSON, **{f"change {k}": v for k, v in enumerate(changes)}}
    attempts(path, cases, lambda: write_suite_report(suite, stated, path.parent))
    suites = {
        **{k: v for k, v in broken.YAML.items() if k != "a resolver"},
        "nothing": b"",
        "no rows": b"title: a\n",
    }
    attempts(tmp_path / "mine.yaml", suites, lambda: read_suite(tmp_path, "mine"))


def test_records_of_twins(attempts: Attempts, tmp_path: Path) -> None:
    store = TwinStore(tmp_path)
    attempts(tmp_path / "key.json", {**broken.JSON, "another": b'{"run": [1]}'}, lambda: store.find("key"))


def test_enough_was_tried() -> None:
    """Of all the tests above, where they ran in one process."""
    assert not TRIED or len(TRIED) < 12 or sum(TRIED) >= LEAST
