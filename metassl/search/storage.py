"""Where a study is kept: a database, or a journal on a drive that several machines share."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from metassl.errors import ConfigError, DataError

JOURNAL = "journal://"
SQLITE = "sqlite:///"
FILE = "study.db"  # of the study in its own folder
PATIENCE = 30  # seconds that a locked SQLite file is waited for
BEAT, GRACE = 30, 300  # seconds between two signs of life, and after the last a trial counts as left alone


def own_storage(out: Path) -> str:
    """The storage of a search that names none: a file in its own folder."""
    return f"{SQLITE}{(out / FILE).resolve()}"


def check_storage(place: str) -> None:
    """Raises ConfigError for what is no storage, before anything is made."""
    if place.startswith(JOURNAL):
        if len(place) == len(JOURNAL):
            raise ConfigError(f"storage: found '{place}', allowed is journal://FILE.")
        return
    try:
        make_url(place).get_dialect()
    except (ArgumentError, NoSuchModuleError):
        raise ConfigError(
            f"storage: found '{place}', allowed are sqlite:///FILE, postgresql://..., mysql://... and "
            "journal://FILE."
        ) from None


def absolute(place: str) -> str:
    """The same storage, whatever folder a worker is in."""
    for start in (JOURNAL, SQLITE):
        if place.startswith(start):
            return f"{start}{Path(place.removeprefix(start)).resolve()}"
    return place


def without_password(place: str) -> str:
    """A storage as a file may keep it and a page show it."""
    return place if place.startswith(JOURNAL) else make_url(place).render_as_string(hide_password=True)


def open_storage(place: str, beats: bool = False, known: bool = False) -> BaseStorage:
    """The storage, made where there is none yet.

    Args:
        place: sqlite:///FILE, postgresql://..., mysql://... or journal://FILE.
        beats: whether trials give signs of life, by which another machine knows that one was left alone.
        known: whether it was opened before, by whoever sent the trial: its tables are not looked at again.

    Raises StorageError where it can't be opened.
    """
    with storage_faults(place):
        if place.startswith(JOURNAL):
            return JournalStorage(JournalFileBackend(place.removeprefix(JOURNAL)))
        options = {"connect_args": {"timeout": PATIENCE}} if place.startswith(SQLITE) else {}
        if not beats:
            return RDBStorage(
                place, engine_kwargs=options, skip_compatibility_check=known, skip_table_creation=known
            )
        retry = optuna.storages.RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=False)
        return RDBStorage(
            place,
            engine_kwargs=options,
            heartbeat_interval=BEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=retry,
        )


class StorageError(DataError):
    """A storage that can't be used now: what was being done is left as it is, and can go on later."""


@contextmanager
def storage_faults(place: str) -> Iterator[None]:
    """Within it a storage that is locked, damaged or not there ends in one line, and Optuna is quiet."""
    said = without_password(place)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            warnings.filterwarnings("ignore", "Heartbeat of storage.*")
            yield
    except ImportError as error:
        driver = error.__cause__ or error
        raise ConfigError(f"storage: {said} needs a driver that is not installed ({driver}).") from None
    except (StorageInternalError, SQLAlchemyError) as error:
        raise StorageError(f"storage: {said} {_why(error)}") from None
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        if isinstance(error, OSError) or _of_optuna(error):
            raise StorageError(f"storage: {said} can't be read ({_line(error)}).") from None
        raise


def _why(error: Exception) -> str:
    """What a database said, and what to do."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
    line = _line(getattr(cause, "orig", None) or cause)
    if "locked" in line:
        return f"is locked by another process ({line}). The same command goes on when it is free."
    return f"can't be read or written ({line}). Give another storage=..., or remove it."


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _of_optuna(error: BaseException) -> bool:
    """Whether Optuna itself raised it, of a storage of another version or a journal that is none."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else trace.tb_frame.f_globals.get("__name__", "")
    return module.startswith(("optuna.storages", "json", "alembic"))
