"""Runs the page on this machine alone, for one session on a folder at a time."""

import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from metassl.errors import ConfigError, UserError
from metassl.runs.signals import STOPS
from metassl.serving.session import Session

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535
LOCK = ".labels.lock"


def serve(session: Session, port: int) -> None:
    """Prints the link and answers until Ctrl-C.

    Args:
        session: on a folder that no other server works on.
        port: of this machine; 0: any that is free.

    Raises:
        UserError: the port is taken, another server works on the folder, or the extra `serve` is not there.
    """
    try:
        import uvicorn

        from metassl.serving.app import make_app
    except ImportError:
        raise UserError("serve: needs starlette and uvicorn, pip install 'metassl[serve]'.") from None

    class Server(uvicorn.Server):
        """Ends on Ctrl-C, after which the command goes on; uvicorn's own sends itself the signal again."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            kept = {number: signal.signal(number, self.handle_exit) for number in STOPS}
            try:
                yield
            finally:
                for number, handler in kept.items():
                    signal.signal(number, handler)

    secret = secrets.token_urlsafe(16)
    with only_one(session.folder.path), bound(port) as listener:
        print(f"http://{LOOPBACK}:{listener.getsockname()[1]}/{secret}/  (Ctrl-C ends it)", flush=True)
        config = uvicorn.Config(make_app(session, secret), log_level="warning", access_log=False)
        Server(config).run(sockets=[listener])


def only_one(folder: Path) -> FileLock:
    """The lock of a folder; within it nobody else serves it. Raises UserError where somebody does."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"serve: another server works on '{folder}', allowed is one at a time.") from None
    return lock


def bound(port: int) -> socket.socket:
    """Listens at a port of this machine; 0: at any. Raises ConfigError where that can't be."""
    if port > LAST_PORT:
        raise ConfigError(f"port: found {port}, allowed are whole numbers from 0 to {LAST_PORT}.")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()  # before the link is printed: who follows it at once waits, and is not refused
    except OSError as error:
        listener.close()
        raise ConfigError(f"port: {port} can't be used ({error.strerror}), give another or 0.") from None
    return listener
