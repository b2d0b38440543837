"""A run's folder that came from somebody else may hold links to files that are nobody else's business."""

from collections.abc import Iterator
from pathlib import Path

from metassl.errors import UserError
from metassl.runs.file_names import CHECKPOINTS

WRITTEN = (CHECKPOINTS, ".hydra", "evaluations")  # folders in which files are written by name


def refuse_links_out(folder: Path, what: str) -> None:
    """Raises UserError where writing in a run's folder would change a file outside it.

    Args:
        folder: of the run.
        what: opens the line, such as run=FOLDER.
    """
    home = folder.resolve()
    for path in _written(folder):
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise UserError(
                f"{what}: '{path.relative_to(folder)}' is a link that leads out of the folder. "
                "Allowed are files and folders; put a copy in its place."
            )


def _written(folder: Path) -> Iterator[Path]:
    yield from folder.iterdir()
    for name in WRITTEN:
        if (folder / name).is_dir():
            yield from (folder / name).iterdir()
