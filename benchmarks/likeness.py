"""How unlike pictures are by metassl.trained.likeness: of one data set, of its negatives, and of others.

    python -m benchmarks.likeness ../shared/data

For Omniglot, the embedded glyphs and CIFAR-FS: 200 pictures of the training classes, as a run keeps of its
training, against 200 of the test classes, against these inverted, and against 200 test pictures of the other
data sets made what a learner of the first reads. Drawn --draws times, 20 by default; mean and the least and
the most. From 0.3 on a note is given (metassl/trained/pictures.py). The folder holds the data as
METASSL_DATA_DIR does. Writes results/pictures/likeness.json.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import metassl
from metassl.files import write_json
from metassl.provenance import git_state
from metassl.trained.facts import PICTURES
from metassl.trained.framing import as_pictures, framed
from metassl.trained.likeness import described, unlikeness

SETS = ("omniglot", "glyphs", "cifar_fs")
Pictures = NDArray[np.uint8]


def drawn(known: Pictures, asked: Pictures, draws: int) -> list[float]:
    """The coefficient of two samples of pictures [n, H, W, C], of each draw."""
    height, width, channels = known.shape[1:]
    found = []
    for seed in range(draws):
        generator = np.random.default_rng(seed)
        a, b = (x[generator.choice(len(x), PICTURES, replace=False)] for x in (known, asked))
        found.append(unlikeness(described(framed(as_pictures(b), height, width, channels)), described(a)))
    return found


def main() -> None:
    """Prints the table and writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--to", type=Path, default=Path("benchmarks/results/pictures/likeness.json"))
    given = parser.parse_args()
    options = {"paths.data_dir": str(given.folder)}
    test = {name: _pictures(name, "test", options) for name in SETS}
    found: dict[str, dict[str, list[float]]] = {}
    for name in SETS:
        known = _pictures(name, "train", options)
        others = {f"{name}, test classes": test[name], f"{name}, inverted": 255 - test[name]}
        others |= {f"{other}, test classes": test[other] for other in SETS if other != name}
        found[name] = {what: drawn(known, asked, given.draws) for what, asked in others.items()}
        for what, values in found[name].items():
            print(f"{name:<10}{what:<26}{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    given.to.parent.mkdir(parents=True, exist_ok=True)
    about = {"draws": given.draws, "pictures": PICTURES, "commit": git_state()["revision"]}
    write_json(given.to, {**about, "unlike": found})


def _pictures(name: str, split: str, options: dict[str, str]) -> Pictures:
    x, _ = metassl.dataset(name, split, options=options)
    return x.astype(np.uint8, copy=False)


if __name__ == "__main__":
    main()
