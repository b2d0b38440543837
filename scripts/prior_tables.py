"""A picture of synthetic tables: the first two principal components of the rows, coloured by class.

    python scripts/prior_tables.py docs/assets/prior_tables.png

A row of the picture is a family of `dataset=prior`, with tables 0 to 5 of its training split.
"""

import sys
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir

from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.prior.tasks import Prior
from metassl.data.tables.sampler import TABLE
from metassl.instantiate import instantiate
from metassl.reports.drawing import DPI, new_figure
from metassl.shipped import conf_folder

TABLES = 6


def main(target: Path) -> None:
    """Draws the picture."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("config", overrides=["dataset=prior", "dataset.source.components=always"])
    names = list(config.dataset.source.kinds)
    figure = new_figure(9, 1.6 * len(names))
    axes = figure.subplots(len(names), TABLES, squeeze=False)
    for row, name in zip(axes, names, strict=True):
        config.dataset.source.families = [name]
        source: Prior = instantiate(config.dataset.source)
        numbers = RandomNumbers(0, "train", range(TABLES))
        for place, axis in enumerate(row):
            generator = numbers.generator(1 + TABLE, place)
            drawn = source.tables()(lambda lane, made=generator: made)  # type: ignore[misc]
            assert drawn.items is not None
            assert drawn.part.asked is not None
            for seen, asked in zip(drawn.part.seen, drawn.part.asked, strict=True):
                own = drawn.items[np.concatenate((seen, asked))]
                axis.scatter(own[:, 0], own[:, 1], s=3)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(name)
    figure.savefig(target, dpi=DPI)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    main(Path(sys.argv[1]))
