"""Which revision made a result: that of the package's own repository, and no other."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from metassl import provenance


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with a copy of the package's file in it that git does not know."""
    git(tmp_path, "init", "--quiet")
    file = tmp_path / "venv" / "provenance.py"
    file.parent.mkdir()
    file.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(file))
    provenance.git_state.cache_clear()
    yield tmp_path
    provenance.git_state.cache_clear()


def git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_an_installed_package_has_no_revision(place: Path) -> None:
    git(place, "commit", "--quiet", "--allow-empty", "-m", "of something else")
    assert provenance.git_state() == {"revision": None, "dirty": None}


def test_a_checkout_has_one(place: Path) -> None:
    git(place, "add", ".")
    git(place, "commit", "--quiet", "-m", "ours")
    assert provenance.git_state() == {"revision": git(place, "rev-parse", "HEAD"), "dirty": False}
