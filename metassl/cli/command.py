"""Runs a command of the command line, so that a user's mistake ends in one line."""

import logging
import sys
from collections.abc import Callable

from metassl.errors import Interrupted, UserError
from metassl.runs.faults import explained
from metassl.runs.signals import stoppable
from metassl.runs.status import INTERRUPTED


def run_command(command: Callable[[], object]) -> int:
    """The exit code of a command: its own, 2 for a user's mistake, 130 when it was stopped by hand.

    Args:
        command: what it returns counts where it is a number.
    """
    logging.getLogger("hydra.utils").setLevel(logging.CRITICAL)  # says in many lines what it raises as well
    try:
        with stoppable():
            code = command()
    except (Interrupted, KeyboardInterrupt) as stop:
        print(f"error: {str(stop) or 'stopped by hand'}", file=sys.stderr)
        return INTERRUPTED
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        fault = explained(error)
        if fault is None:
            raise
        print(f"error: {fault}", file=sys.stderr)
        return 2
    return code if isinstance(code, int) else 0
