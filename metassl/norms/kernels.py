"""Builds and loads the C++ kernels of pooled.cpp: once for a machine, kept in a folder between runs."""

import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

import torch
from filelock import FileLock

from metassl.errors import UserError
from metassl.files import write_atomically
from metassl.provenance import hardware

SOURCE = Path(__file__).with_name("pooled.cpp")
FLAGS = ("-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")


class NoKernels(UserError, NotImplementedError):
    """The kernels can't be built here. `engine=auto` then goes on without them."""


def load(folder: Path) -> None:
    """Makes the kernels known to torch, after building them where `folder` has none for this machine.

    Raises:
        NoKernels: without a compiler that understands them.
    """
    if _loaded():
        return
    library = folder / f"pooled-{_key()}.so"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(library.with_suffix(".lock")):
            if not library.exists():
                write_atomically(library, _build)
        torch.ops.load_library(library)
    except OSError as error:
        raise NoKernels(f"engine=compiled: '{library}' can't be written or loaded ({error}).") from error


def _loaded() -> bool:
    return hasattr(torch.ops.metassl, "norm_max_pool")


def _build(library: Path) -> None:
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise NoKernels(
            f"engine=compiled needs a C++ compiler and found no '{compiler}'. Install g++, name another in "
            "the environment variable CXX, or take engine=threads."
        )
    print("engine=compiled builds its kernels, once for this machine (up to a minute)", flush=True)
    from torch.utils.cpp_extension import include_paths, library_paths  # slow to import, and rarely needed

    places = [f"-I{path}" for path in include_paths()] + [f"-L{path}" for path in library_paths()]
    words = [compiler, *FLAGS, str(SOURCE), "-o", str(library), *places, "-ltorch_cpu", "-ltorch", "-lc10"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode:
        errors = [line for line in found.stderr.splitlines() if "error" in line] or [found.stderr[-200:]]
        raise NoKernels(f"engine=compiled: {compiler} can't build the kernels ({errors[0].strip()}).")


def _key() -> str:
    """What a build holds for: the source, the flags, torch, and the processor."""
    parts = (
        SOURCE.read_bytes(),
        FLAGS,
        os.environ.get("CXX"),
        torch.__version__,
        platform.machine(),
        hardware(),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
