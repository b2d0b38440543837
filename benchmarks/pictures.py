"""What `metassl.MetaClassifier` makes of a folder of pictures of classes that its model has never seen.

    python -m benchmarks.pictures handwriting ../shared/data
    python -m benchmarks.pictures printed ../shared/data --model glyphs
    python -m benchmarks.pictures photographs ../shared/data --model outputs/<when>

handwriting: five characters of Omniglot's evaluation alphabets as pictures of 105 × 105, dark on white, 1
labelled and 10 unlabelled drawings of each, and the other 9 to be told; by the model of the package.
printed: the same of five test characters of the embedded letters.
photographs: eight test classes of CIFAR-FS, 3 labelled and 25 unlabelled pictures of each, and 40 others to
be told; by a run on CIFAR-FS, whose folder is given.

Each is drawn --draws times, 50 by default, and asked of the model as it is, of it as if the unlabelled
pictures weren't there, and of scikit-learn's LogisticRegression and LabelSpreading on the model's pixels and
features. The draws are the same for all; 95% intervals over them, differences paired. The folder holds the
data as METASSL_DATA_DIR does. Writes a JSON file with the share of right answers in each draw.
"""

import argparse
import time
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import metassl
from metassl import MetaClassifier
from metassl.data.images.pictures import decode
from metassl.evaluation.intervals import over_seeds
from metassl.files import write_json
from metassl.library.classifier.rivals import RIVALS
from metassl.library.classifier.rows import PictureRows
from metassl.library.saved_models import read_saved
from metassl.provenance import git_state

OWN, WITHOUT = "the model", "the model without U"
OTHERS = ("LogisticRegression", "LabelSpreading")
Pictures = NDArray[np.generic]


@dataclass(frozen=True)
class Kind:
    """What is drawn.

    Attributes:
        classes: folder of the data -> the pictures [n, ...] of each class.
        way, shot, unlabelled, asked: classes of a draw, and pictures of each.
    """

    classes: Callable[[Path], Sequence[Pictures]]
    way: int
    shot: int
    unlabelled: int
    asked: int


def characters(folder: Path) -> list[Pictures]:
    """[20, 105, 105] the drawings of each character of the evaluation alphabets."""
    found: dict[str, list[Pictures]] = {}
    with zipfile.ZipFile(folder / "omniglot" / "images_evaluation.zip") as drawings:
        for name in sorted(name for name in drawings.namelist() if name.endswith(".png")):
            picture = np.asarray(decode(drawings.read(name), "L", name))
            found.setdefault(name.rsplit("/", 1)[0], []).append(picture)
    return [np.stack(pictures) for pictures in found.values()]


def printed(folder: Path) -> list[Pictures]:
    """[20, 28, 28] the embedded pictures of each test character; nothing of the folder."""
    x, y = metassl.dataset("glyphs", "test")
    return [x[y == name, ..., 0] for name in sorted(set(y))]


def photographs(folder: Path) -> list[Pictures]:
    """[n, 32, 32, 3] the pictures of each test class of CIFAR-FS."""
    x, y = metassl.dataset("cifar_fs", "test", options={"paths.data_dir": str(folder)})
    return [x[y == name] for name in sorted(set(y))]


KINDS: Mapping[str, Kind] = {
    "handwriting": Kind(characters, way=5, shot=1, unlabelled=10, asked=9),
    "printed": Kind(printed, way=5, shot=1, unlabelled=10, asked=9),
    "photographs": Kind(photographs, way=8, shot=3, unlabelled=25, asked=40),
}


def of_draw(all_of: Sequence[Pictures], kind: Kind, model: str, seed: int) -> dict[str, float]:
    """Name -> share of right answers, 0..1, and "seconds" of the model's own fit and prediction."""
    generator = np.random.default_rng(seed)
    chosen = [all_of[k] for k in generator.choice(len(all_of), kind.way, replace=False)]
    order = [generator.permutation(len(each)) for each in chosen]
    known = kind.shot + kind.unlabelled
    x = np.concatenate([each[o[:known]] for each, o in zip(chosen, order, strict=True)])
    y = np.concatenate([np.where(np.arange(known) < kind.shot, k, -1) for k in range(kind.way)])
    asked = np.concatenate(
        [each[o[known : known + kind.asked]] for each, o in zip(chosen, order, strict=True)]
    )
    truth = np.repeat(np.arange(kind.way), kind.asked)
    began = time.process_time()
    own = MetaClassifier.load(model).fit(x, y)
    found = {OWN: float((own.predict(asked) == truth).mean())}
    seconds = time.process_time() - began
    alone = MetaClassifier.load(model).fit(x[y >= 0], y[y >= 0])
    found[WITHOUT] = float((alone.predict(asked) == truth).mean())
    reader = PictureRows(read_saved(model).facts)  # behind an encoder the model's own numbers are vectors
    pixels = [read(part).reshape(len(part), -1) / 255 for read, part in ((reader.fit, x), (reader, asked))]
    features = [own.embed(part) for part in (x, asked)]
    for what, (seen, new) in (("pixels", pixels), ("its features", features)):
        for name in OTHERS:
            found[f"{name} on {what}"] = float((RIVALS[name].answers(seen, y, new, 0) == truth).mean())
    return {**found, "seconds": seconds}


def main() -> None:
    """Prints the table and writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="handwriting")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--to", type=Path, help="default: benchmarks/results/pictures/<kind>.json")
    given = parser.parse_args()
    kind = KINDS[given.kind]
    to = given.to or Path("benchmarks/results/pictures") / f"{given.kind}.json"
    all_of = kind.classes(given.folder)
    warnings.filterwarnings("ignore", "X: ", UserWarning)  # of what is done to the pictures
    drawn = [of_draw(all_of, kind, given.model, seed) for seed in range(given.draws)]
    columns = {name: [each[name] for each in drawn] for name in drawn[0]}
    seconds = float(np.median(columns.pop("seconds")))
    to.parent.mkdir(parents=True, exist_ok=True)
    about = {"draws": given.draws, "way": kind.way, "shot": kind.shot, "unlabelled": kind.unlabelled}
    write_json(to, {**about, "commit": git_state()["revision"], "seconds": seconds, "right": columns})
    for name, values in columns.items():
        accuracy, gain = over_seeds(np.array(values)), over_seeds(np.array(columns[OWN]) - values)
        print(f"{name:<36}{accuracy.percent():<14}{gain.percent(signed=True) if name != OWN else ''}")
    print(f"fit and predict: {seconds:.2f} s of CPU, the median")


if __name__ == "__main__":
    main()
