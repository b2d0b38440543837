"""Draws what unlabelled rows are worth on real tables by the number of labels, of benchmarks.real_tables.

    python -m benchmarks.unlabelled_worth FILE.json PICTURE.png

Each line is the accuracy of something that reads unlabelled rows less that of its counterpart without, in
points, the mean over the tables with a 95% interval over them; above 0 the rows help. The same is printed.
"""

import sys
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import Interval, over_episodes
from metassl.files import read_json
from metassl.reports.drawing import new_figure, save_png
from metassl.reports.looks import COLOURS, FAINT

PAIRS = {  # words -> with unlabelled rows, without
    "the shipped model, its twin": ("the model", "its twin"),
    "SelfTraining, logistic regression": ("SelfTraining", "logistic regression"),
    "LabelSpreading, nearest neighbours": ("LabelSpreading", "nearest neighbours"),
}


def main(stored: Path, picture: Path) -> None:
    """Prints the figures and writes the picture."""
    content = read_json(stored)
    labels = sorted(int(key) for key in content if key.isdigit())
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    axes.axhline(0, color=FAINT, linewidth=1)
    for place, (words, names) in enumerate(PAIRS.items()):
        found = [worth(content[str(k)], *names) for k in labels]
        shown = [f"{k}: {each.percent(signed=True)}" for k, each in zip(labels, found, strict=True)]
        print(f"{words}: {', '.join(shown)}")
        axes.errorbar(
            [k * (1 + 0.04 * (place - 1)) for k in labels],
            [100 * each.mean for each in found],
            [100 * each.half_width for each in found],
            label=words.replace(",", " against"),
            color=COLOURS[place],
            marker="o",
            markersize=4,
            capsize=2,
        )
    axes.set(xscale="log", xlabel="labels a class", ylabel="points of accuracy by unlabelled rows")
    axes.set_xticks(labels, [str(k) for k in labels])
    axes.minorticks_off()
    axes.legend(fontsize=8, frameon=False)
    save_png(figure, picture)


def worth(found: dict[str, list[float]], with_u: str, without: str) -> Interval:
    """The mean difference over the tables."""
    return over_episodes(np.array(found[with_u]) - np.array(found[without]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
