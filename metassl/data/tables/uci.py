"""Tables of the UCI repository as one set of tasks: which of them teach, and which are asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from metassl.data.tables.encoding import Scale
from metassl.data.tables.folder import Tables
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Seed, Several, Words

FOLDER = "uci"
TABLES = {
    "train": ("autos", "cmc", "credit.g", "glass", "hepatitis", "labor", "page.blocks"),
    "val": ("soybean", "tic-tac-toe", "waveform5000"),
    "test": (
        "balance.scale", "car", "column3C", "credit.a", "dermatology", "diabetes", "haberman",
        "heart.statlog", "ionosphere", "iris", "lymph", "optdigits", "segment", "sonar", "splice", "tae",
        "vehicle", "vowel", "wine", "zoo",
    ),
}  # fmt: skip


class UCI(Tables):
    """Draws each task within one of thirty small tables of UCI, of which twenty are for the test alone.

    The division is ours. The ten tables of training and validation are every third by name: those that the
    ranges of `dataset=prior` were set by. A task as in `Tables`.

    Args:
        data_dir: holds the folder uci with thirty files such as iris.arff, the class in the last column.
        splits: see metassl.data.tables.splits.TableSplits; None: the division above.
        seed: of the rows that are asked.
        asked, columns, components, scale, categories: see metassl.data.tables.folder.Tables.

    Raises:
        DataError: no such folder, or a table that is not in it.
    """

    name = FOLDER

    @checked("dataset.source")
    def __init__(
        self,
        data_dir: str | Path,
        splits: str | Path | Mapping[str, Words] | None = None,
        seed: Seed = 0,
        asked: BelowOne = 0.3,
        columns: Several = 64,
        components: Literal["beyond", "always"] = "beyond",
        scale: Scale = "standard",
        categories: Several = 20,
    ) -> None:
        super().__init__(
            path=Path(data_dir) / FOLDER,
            splits=splits or {split: list(names) for split, names in TABLES.items()},
            seed=seed,
            asked=asked,
            columns=columns,
            components=components,
            scale=scale,
            categories=categories,
        )

    def _files(self) -> dict[str, Path]:
        if not self.path.is_dir():
            raise DataError(
                f"paths.data_dir: found no folder '{self.path}', put {sum(map(len, TABLES.values()))} tables "
                "of UCI such as iris.arff into it, or take dataset=tables for a folder of your own."
            )
        return super()._files()
