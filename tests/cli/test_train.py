"""Hydra's own features through `metassl train`; the jobs only say what they got."""

import json
import sys
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import metassl.cli.train as door
from metassl.cli.main import run


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `metassl train` with these words in an empty folder; gives its exit code and the jobs it did."""
    done: list[dict] = []

    def job(config: DictConfig, vouched: set[str]) -> float:
        seen = {"ssl": config.ssl.weight, "seed": config.seed, "argv": sys.argv[1:], "vouched": vouched}
        done.append(seen)
        folder = Path(HydraConfig.get().runtime.output_dir)
        (folder / "status.json").write_text(json.dumps({"status": "done", "error": None}))
        return 0.5

    def start(*words: str) -> tuple[int, list[dict]]:
        done.clear()
        monkeypatch.setattr(sys, "argv", ["metassl", "train", *words])
        return run(["train", *words]), done

    monkeypatch.setattr(door, "run_job", job)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.chdir(tmp_path)
    return start


@pytest.mark.parametrize(
    ("words", "seeds"),
    [
        ([], [0]),
        (["-m", "seed=3,4"], [3, 4]),
        (["-m", "seed=choice(3,4)"], [3, 4]),
        (["-m", "seed=range(3,6)"], [3, 4, 5]),
        (["-m", "hydra/launcher=basic", "hydra/sweeper=basic", "seed=3,4"], [3, 4]),
        (["-m", "hydra.sweeper.max_batch_size=1", "seed=3,4"], [3, 4]),
        (["seed=3,4", "-m", "model=protonet", "--config-dir", "."], [3, 4]),
        (["hydra.mode=MULTIRUN", "seed=3,4"], [3, 4]),
        (["seed=3,4", "--multirun", "model=protonet"], [3, 4]),
        (["-m", "seed=3,4", "hydra.sweep.subdir=${hydra.job.override_dirname}"], [3, 4]),
        (["-m", "model=glob(proto*)"], [0, 0]),
        (["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"], [0]),  # which only a sweep uses
    ],
)
def test_what_hydra_offers_works(jobs, words: list[str], seeds: list[int]) -> None:
    code, done = jobs(*words)
    assert (code, [job["seed"] for job in done]) == (0, seeds)


def test_what_only_the_sweeper_knows_is_one_line_too(jobs, capsys: pytest.CaptureFixture[str]) -> None:
    code, done = jobs("-m", "optimizer.optimizer.lr=interval(0.001,0.1)")
    assert (code, done) == (2, [])
    said = capsys.readouterr().err
    assert said == "error: BasicSweeper does not support sweep type : INTERVAL_SWEEP\n"


def test_whoever_asks_hydra_for_the_trace_gets_it(jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="INTERVAL_SWEEP"):
        jobs("-m", "optimizer.optimizer.lr=interval(0.001,0.1)")


def test_outputs_go_below_the_current_folder(jobs, tmp_path: Path) -> None:
    jobs("hydra.run.dir=outputs/one")
    jobs("-m", "seed=1,2", "hydra.sweep.dir=outputs/two")
    found = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("status.json")}
    assert found == {"outputs/one", "outputs/two/0", "outputs/two/1"}


def test_a_job_sees_the_line_that_would_start_it_again(jobs) -> None:
    """Lightning starts the processes of trainer=ddp by it."""
    _, done = jobs("seed=1", "--run", "model=protonet")
    assert done[0]["argv"] == ["train", "--run", "seed=1", "model=protonet"]


def test_own_configs(jobs, tmp_path: Path) -> None:
    (tmp_path / "my_conf" / "ssl").mkdir(parents=True)
    (tmp_path / "my_conf" / "ssl" / "mine.yaml").write_text(
        "objective: {_target_: my_own.Own}\nweight: 0.125\n"
    )
    (tmp_path / "my_own.py").write_text("class Own:\n    pass\n")
    for words in (["--config-dir", "my_conf"], ["hydra.searchpath=[file://my_conf]"]):
        code, done = jobs("ssl=mine", *words)
        assert (code, done[0]["ssl"]) == (0, 0.125)
        assert done[0]["vouched"] == {"my_own.Own"}
    code, done = jobs("-m", "--config-dir", "my_conf", "ssl=glob(min*)")
    assert (code, [job["ssl"] for job in done]) == (0, [0.125])


def test_help_is_hydras(jobs, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        jobs("--help")
    assert end.value.code == 0
    assert "metassl train is powered by Hydra" in capsys.readouterr().out
