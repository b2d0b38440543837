"""The loggers write where they should, and the run's folder says where it comes from."""

import csv
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from metassl.errors import ConfigError
from metassl.training.csv_log import CSVLog
from metassl.training.run import train_and_test

SMALL = ("model=protonet", "ssl=none", "trainer.log_every=1")


def train(make_config, folder: Path, *words: str) -> Path:
    folder.mkdir(exist_ok=True)
    train_and_test(make_config(*SMALL, *words), folder, {"model": "protonet", "ssl": "none"}, ["ssl=none"])
    return folder


def test_csv_and_provenance(make_config, tmp_path: Path) -> None:
    folder = train(make_config, tmp_path / "run")
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert rows[-1]["val/accuracy"]
    assert [int(r["step"]) for r in rows] == [0, 1]
    about = json.loads((folder / "run.json").read_text())
    assert about["choices"]["model"] == "protonet"
    assert about["overrides"] == ["ssl=none"]
    assert about["packages"]["torch"]
    assert set(about["git"]) == {"revision", "dirty"}
    config = OmegaConf.load(folder / "config.yaml")
    assert config.trainer.steps == 2
    assert "${" not in (folder / "config.yaml").read_text()


def test_csv_drops_what_a_resumed_run_writes_anew(tmp_path: Path) -> None:
    log = CSVLog(str(tmp_path))
    for step in range(4):
        log.log_metrics({"a": step + 0.1}, step)
    log.log_metrics({"b": 9.0}, 1)
    log.save()
    whole = (tmp_path / "metrics.csv").read_text()
    again = CSVLog(str(tmp_path))
    again.keep_until(1)
    assert sorted(again.rows) == [0, 1]
    for step in (2, 3):
        again.log_metrics({"a": step + 0.1}, step)
    again.save()
    assert (tmp_path / "metrics.csv").read_text() == whole


def told(folder: Path) -> dict[str, float]:
    """What a tracker has to know of the meta-test, by results.json itself."""
    results = json.loads((folder / "results.json").read_text())
    names = {"test/accuracy": results["accuracy"], "test/gain": results["gain"]}
    means = {name: value["mean"] for name, value in names.items()}
    return means | {f"{name}_ci95": value["ci95"] for name, value in names.items()}


def train_with_picture(make_config, folder: Path, *words: str) -> dict[str, float]:
    folder.mkdir()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(folder / "summary.png")
    train(make_config, folder, "ssl=soft_kmeans", "evaluation.twin=true", *words)
    return told(folder)


def test_tensorboard_gets_the_result_the_config_and_the_picture(make_config, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    expected = train_with_picture(make_config, tmp_path / "run", "logger=tensorboard")
    events = event_accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    found = {name: events.Scalars(name)[-1].value for name in expected}
    assert found == pytest.approx(expected, abs=1e-6)
    assert events.Images("summary")[-1].width == 4
    hparams = events.PluginTagToContent("hparams")
    assert b"trainer/steps" in hparams["_hparams_/session_start_info"]
    assert b"test/gain" in hparams["_hparams_/experiment"]


def test_wandb_is_offline_and_one_run_a_job(
    make_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    for job in (0, 1):
        folder = tmp_path / str(job)
        expected = train_with_picture(
            make_config, folder, "logger=wandb", f"logger.extra.save_dir={folder}", f"seed={job}"
        )
        assert wandb.run is None
        (run,) = (folder / "wandb").glob("offline-run-*")
        summary, config = wandb_records(run)
        assert {name: summary[name] for name in expected} == pytest.approx(expected)
        assert (config["seed"], config["model"]["_target_"].split(".")[0]) == (job, "metassl")
        assert list(run.rglob("summary*.png"))


def wandb_records(run: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """The summary and the config that a run has written to its own file, for want of a server."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = run.glob("*.wandb")
    deadline = time.monotonic() + 30
    while True:  # a process of its own writes the file, and may be late
        found = [Record.FromString(content) for content in records(file.read_bytes())]
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    summary, config = {}, {}
    for record in found:
        updates = (*record.run.summary.update, *record.summary.update)
        summary |= {each.key or each.nested_key[0]: json.loads(each.value_json) for each in updates}
        settings = (*record.run.config.update, *record.config.update)
        config |= {each.key or each.nested_key[0]: json.loads(each.value_json) for each in settings}
    return summary, config


def records(content: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's format: blocks of 32 KB, parts with a header of 7 bytes."""
    place, parts = 7, b""
    while place < len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        parts += content[place + 7 : place + 7 + size]
        place += 7 + size
        if place > len(content):  # not written whole yet
            return
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def test_mlflow_gets_the_result_the_config_and_the_picture(make_config, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    folder = tmp_path / "run"
    expected = train_with_picture(make_config, folder, "logger=mlflow", f"paths.output_dir={folder}")
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        metrics = dict(database.execute("select key, value from metrics"))
        params = dict(database.execute("select key, value from params"))
        status = [row[0] for row in database.execute("select status from runs")]
    assert "val/accuracy" in metrics
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert params["trainer/steps"] == "2"
    assert status == ["FINISHED"]
    assert list((folder / "mlflow").rglob("summary.png"))


def test_a_long_file_is_not_written_at_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so often that it takes a hundredth of the time; what a checkpoint is written with is never late."""
    log, now = CSVLog(str(tmp_path)), [0.0]
    write = log._write
    monkeypatch.setattr("metassl.training.csv_log.time.monotonic", lambda: now[0])

    def slow(path: Path) -> None:
        now[0] += 1.0
        write(path)

    monkeypatch.setattr(log, "_write", slow)
    seen = []
    for step in range(300):
        now[0] += 1.0
        log.log_metrics({"loss": step}, step)
        log.save()
        seen.append(len((tmp_path / "metrics.csv").read_text().splitlines()) - 1)
    assert len(set(seen)) == 3  # at steps 0, 100 and 200
    log.write()
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 301


def test_no_fused_optimizer_where_it_cannot_clip(make_config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.optimizer\.fused: found true"):
        train(make_config, tmp_path / "run", "trainer.precision=16-mixed", "trainer.clip=1.0")


def test_a_tracker_that_does_not_answer_is_one_line(make_config, tmp_path: Path) -> None:
    """At once: its own retries take a minute and a half."""
    with pytest.raises(ConfigError, match=r"^logger.extra.tracking_uri: http://127.0.0.1:9 doesn't answer"):
        train(make_config, tmp_path / "run", "logger=mlflow", "logger.extra.tracking_uri=http://127.0.0.1:9")


class NobodyLoggedIn(CSVLog):
    """As wandb says it, whose own mode sticks to a process that was offline once."""

    @property
    def experiment(self) -> None:
        raise RuntimeError("No API key configured.\nUse `wandb login` to log in.")


def test_a_tracker_without_a_login_is_one_line(make_config, tmp_path: Path) -> None:
    words = (f"+logger.extra._target_={__name__}.NobodyLoggedIn", f"+logger.extra.folder={tmp_path}")
    with pytest.raises(ConfigError, match=r"^logger: .*NobodyLoggedIn: No API key configured. Use `wandb"):
        train(make_config, tmp_path / "run", "logger.extra={}", *words)


@pytest.mark.parametrize("word", ["devices=0", "precision=banana", "strategy=foo", "accelerator=gpu"])
def test_hardware_that_is_not_there_is_one_line(make_config, tmp_path: Path, word: str) -> None:
    if word == "accelerator=gpu" and torch.cuda.is_available():
        pytest.skip("there is one")
    key, value = word.split("=")
    with pytest.raises(ConfigError, match=rf"^trainer.{key}: found '?{value}'?[.,] ") as caught:
        train(make_config, tmp_path / "run", f"trainer.{word}")
    assert "\n" not in str(caught.value)
