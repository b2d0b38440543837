"""The command that serves the page, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest

from metassl.errors import ConfigError
from metassl.library.classifier.by_hand import read_by_hand
from metassl.serving.server import LOOPBACK, bound
from tests.serving.test_app import photos

__all__ = ["photos"]


def test_a_label_by_hand_is_kept_and_the_others_are_written_at_the_end(photos: Path) -> None:
    """Ctrl-C ends the page, and not the command."""
    words = ["label", "images=photos", "model=model", "serve=true", "folds=2"]
    command = [sys.executable, "-m", "metassl", *words]
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=photos.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own
    ) as running:
        assert running.stdout is not None
        link = running.stdout.readline().split()[0]
        assert link.startswith("http://127.0.0.1:")
        second = subprocess.run(
            command, cwd=photos.parent, capture_output=True, text=True, env=own, check=False
        )
        assert "another server works on 'photos'" in second.stderr
        with httpx.Client(trust_env=False) as browser:
            assert browser.get(link).status_code == 200
            answer = browser.post(f"{link}label", json={"place": 6, "label": "lying"}).json()
        assert answer["given"] == 1
        (file,) = read_by_hand(photos)
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    assert "7 labelled pictures, 3 lying, 2 crossed, 2 standing; 11 without a label" in said
    assert file not in pd.read_csv(photos / "labels.csv")["file"].tolist()


def test_who_follows_the_link_at_once_is_not_refused() -> None:
    """Before anybody answers: he waits."""
    with bound(0) as listener, socket.create_connection(listener.getsockname(), timeout=5):
        pass


def test_ports_that_can_t_be() -> None:
    with pytest.raises(ConfigError, match=r"^port: found 65536, allowed are whole numbers from 0 to 65535"):
        bound(65536)
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"^port: {port} can't be used"):
            bound(port)
