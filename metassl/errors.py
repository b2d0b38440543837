"""Errors that are the user's to mend: one clear line, no stack trace."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A bad input. The message is one line: the key or file, what was found, what is allowed.

    What was found may come from anywhere, so what a terminal would obey and not show is left out.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class ConfigError(UserError):
    """A key, a value or a combination of options that can't run."""


class DataError(UserError):
    """A data file or folder that is missing, truncated, corrupt or too small."""


class InputError(DataError, ValueError):
    """Rows, labels or options that a classifier can't take; a ValueError, as scikit-learn expects of it."""


class CellError(DataError, TypeError):
    """A cell of a table that is neither a number nor a word; a TypeError, as scikit-learn expects of it."""


class Interrupted(BaseException):
    """A signal stopped the run; the message says where its checkpoint is.

    As KeyboardInterrupt it is no Exception, so that nothing on its way takes it for a fault of its own.
    """


def printable(text: str) -> str:
    """The text with a blank for each letter that is not seen but does something, such as a line break."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def one_of(what: str, found: object, allowed: Iterable[str]) -> str:
    """The line for an unknown name: what was found, the nearest valid spelling, what is allowed."""
    names = sorted(allowed)
    near = get_close_matches(str(found), names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{what}: found '{found}'.{hint} Allowed: {', '.join(names)}."
