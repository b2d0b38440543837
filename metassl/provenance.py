"""Where a result comes from: config, code, packages and machine, written before a run begins."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "hydra-core", "omegaconf", "numpy", "metassl")
KNOWN = ("metassl", "torch", "pytorch_lightning")  # whose code the package and its versions say


def provenance(choices: Mapping[str, str], overrides: Sequence[str], seed: int) -> dict[str, Any]:
    """The content of run.json."""
    return {
        "choices": dict(choices),
        "seed": seed,
        "overrides": list(overrides),
        "git": git_state(),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "hardware": hardware(),
    }


@cache
def git_state() -> dict[str, Any]:
    """Revision of the source tree and whether it has uncommitted changes; nulls where git does not have it.

    An installed package may lie in a repository of something else.

    Read once a process: the jobs of a sweep run the code that was loaded at its start.
    """
    folder = Path(__file__).parent
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        revision = _git(folder, "rev-parse", "HEAD")
        dirty = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return {"revision": None, "dirty": None}
    return {"revision": revision, "dirty": dirty}


def code_hash(targets: Iterable[str] = ()) -> str:
    """16 hex digits of the package's own code and of the files of these classes that are not the package's.

    Args:
        targets: dotted paths of classes, in modules that are imported.
    """
    modules = {target.rpartition(".")[0] for target in targets if target.split(".")[0] not in KNOWN}
    files = (getattr(sys.modules.get(name), "__file__", None) for name in sorted(modules))
    found = hashlib.sha256(_package_hash().encode())
    for file in filter(None, files):
        found.update(Path(file).read_bytes())
    return found.hexdigest()[:16]


@cache
def _package_hash() -> str:
    """Of all sources; read once a process, which runs the code that it began with."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def hardware() -> str:
    """Processor, cores, and GPU if there is one."""
    import torch

    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{_processor()}, {os.cpu_count()} cores{device}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
