"""The wheel, built and installed beside the dependencies of this environment, out of the checkout's reach."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT, TINY

OWN = """
from metassl.ssl.consistency.consistency import Consistency


class Mine(Consistency):
    '''An objective that is in nobody's package.'''
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("package")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    quiet = ["--quiet", "--no-deps", "--no-index"]
    build = ["wheel", *quiet, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    venv = folder / "venv"
    subprocess.run([*pip, *build], check=True, cwd=folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (wheel,) = folder.glob("*.whl")
    # A line of a .pth file adds a folder, but not what that folder's own .pth files add, such as a checkout.
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv)}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["--python", str(venv / "bin" / "python"), "install", *quiet, str(wheel)]
    subprocess.run([*pip, *install], check=True, cwd=folder)
    return venv


def call(installed: Path, folder: Path, *line: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of the environment in a folder."""
    ours = ("PYTHONPATH", "METASSL_DATA_DIR", "METASSL_CACHE_DIR", "METASSL_TWIN_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [str(installed / "bin" / line[0]), *line[1:]], cwd=folder, capture_output=True, text=True, check=False,
        env=environment | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_everything_is_in_it(installed: Path, tmp_path: Path) -> None:
    program = (
        "import metassl.shipped as s; print(s.__file__); print(s.conf_folder()); print(s.suites_folder())"
    )
    found = call(installed, tmp_path, "python", "-c", program)
    here, conf, suites = map(Path, found.stdout.split())
    assert here.is_relative_to(installed)
    assert files(conf) == files(ROOT / "conf") != set()
    assert files(suites) == files(ROOT / "benchmarks" / "suites") != set()
    package = {f for f in files(here.parent) if f.parts[0] not in ("conf", "suites")}
    assert package == files(ROOT / "metassl") > {Path("py.typed"), Path("norms/pooled.cpp")}


def files(folder: Path) -> set[Path]:
    """All files below a folder but what Python compiles, as seen from it."""
    found = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {path.relative_to(folder) for path in found}


def test_the_command_is_there(installed: Path, tmp_path: Path) -> None:
    for line in (["metassl"], ["metassl", "--help"], ["python", "-m", "metassl", "--help"]):
        done = call(installed, tmp_path, *line)
        assert done.returncode == 0
        assert "usage: metassl COMMAND" in done.stdout
    assert call(installed, tmp_path, "metassl", "--version").stdout == "metassl 0.1.0\n"
    done = call(installed, tmp_path, "metassl", "benchmark", "suite=ren2018_omnglot")
    assert done.returncode == 2
    assert "Did you mean 'ren2018_omniglot'?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_from_an_empty_folder(installed: Path, tiny_npz: Path, tmp_path: Path) -> None:
    data = ["dataset=arrays", f"dataset.source.path={tiny_npz}", "backbone.filters=4"]
    done = call(installed, tmp_path, "metassl", "train", "model=maml", *data, *TINY, "evaluation.twin=true")
    assert done.returncode == 0, done.stderr
    assert "with unlabelled" in done.stdout
    run, twins = sorted((tmp_path / "outputs").iterdir())  # the one has a date for its name
    assert twins.name == "twins"
    assert json.loads((run / "results.json").read_text())["episodes"] == 4
    assert json.loads((run / "run.json").read_text())["git"] == {"revision": None, "dirty": None}
    assert {path.name for path in tmp_path.iterdir()} == {"outputs", "data"}


def test_a_method_of_ones_own(installed: Path, tiny_npz: Path, tmp_path: Path) -> None:
    """The class in the current folder, its config in a folder of it."""
    (tmp_path / "my_module.py").write_text(OWN)
    (tmp_path / "my_conf" / "ssl").mkdir(parents=True)
    (tmp_path / "my_conf" / "ssl" / "mine.yaml").write_text("objective: {_target_: my_module.Mine}\n")
    data = ["dataset=arrays", f"dataset.source.path={tiny_npz}", "backbone.filters=4", "model=protonet"]
    own = ["--config-dir", "my_conf", "ssl=mine", "hydra.run.dir=run"]
    done = call(installed, tmp_path, "metassl", "train", *data, *TINY, *own)
    assert done.returncode == 0, done.stderr
    assert "model=protonet ssl=mine" in done.stdout
    assert json.loads((tmp_path / "run" / "results.json").read_text())["episodes"] == 4
