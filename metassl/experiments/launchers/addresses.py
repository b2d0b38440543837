"""Whether something answers at an address, asked before anything waits for it."""

import socket

from metassl.errors import ConfigError

SECONDS = 5.0  # that it may take; a client's own retries take minutes


def check_answers(key: str, address: str) -> None:
    """Raises ConfigError where nothing answers at `host:port`; another address passes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"{key}: {address} doesn't answer ({error}).") from None
