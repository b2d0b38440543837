"""The text of a file, or the line that says why there is none."""

from pathlib import Path

from metassl.errors import ConfigError, DataError


def read_text(path: Path, encoding: str) -> str:
    """All of it, with its line ends as \\n.

    Raises:
        ConfigError: no such encoding.
        DataError: the file can't be read, or is of another encoding.
    """
    try:
        return path.read_text(encoding=encoding)
    except UnicodeError as error:
        place = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else "its first bytes"
        raise DataError(
            f"'{path}': found {place}, which is not {encoding}; say what it is, such as "
            "dataset.source.encoding=latin-1 or cp1252, utf-16."
        ) from error
    except LookupError as error:
        raise ConfigError(
            f"dataset.source.encoding: found '{encoding}', allowed are names such as utf-8, latin-1, cp1252."
        ) from error
    except OSError as error:
        raise DataError(f"'{path}' can't be read: {error.strerror}.") from error
