"""Signals raise Interrupted within `stoppable`, and are as before outside."""

import os
import signal
from threading import Thread

import pytest

from metassl.errors import Interrupted
from metassl.runs.signals import STOPS, stoppable


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_is_raised_within_and_its_listener_comes_back(number: int) -> None:
    heard: list[int] = []
    before = signal.signal(number, lambda number, frame: heard.append(number))
    try:
        with pytest.raises(Interrupted, match=signal.Signals(number).name), stoppable():
            os.kill(os.getpid(), number)
        assert heard == []
        os.kill(os.getpid(), number)
        assert heard == [number]
    finally:
        signal.signal(number, before)


def test_within_another_one_the_outer_listens_again() -> None:
    with stoppable():
        with stoppable():
            pass
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_thread_changes_nothing() -> None:
    before = [signal.getsignal(number) for number in STOPS]
    found: list[object] = []

    def work() -> None:
        with stoppable():
            found.extend(signal.getsignal(number) for number in STOPS)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert found == before
