"""What the shipped model of handwriting makes of characters that it has never seen.

    python -m benchmarks.handwriting ../shared/data
    python -m benchmarks.handwriting ../shared/data --draws 50 --model outputs/<when> --to FILE

Each draw: five characters of Omniglot's evaluation alphabets as pictures of 105 × 105, dark on white, 1
labelled and 10 unlabelled drawings of each, and the other 9 to be told. `metassl.MetaClassifier` with the
model, as it is and as if the unlabelled drawings weren't there; scikit-learn's LogisticRegression and
LabelSpreading on its 28 × 28 pixels and on its features. The draws are the same for all; 95% intervals over
them, differences paired. The folder holds omniglot/images_evaluation.zip. Writes a JSON file with the share
of right answers in each draw.
"""

import argparse
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metassl import MetaClassifier
from metassl.data.images.pictures import decode
from metassl.evaluation.intervals import over_seeds
from metassl.files import write_json
from metassl.library.classifier.rivals import RIVALS
from metassl.provenance import git_state

WAY, SHOT, UNLABELLED = 5, 1, 10
OWN, WITHOUT = "the model", "the model without U"
OTHERS = ("LogisticRegression", "LabelSpreading")
Pictures = NDArray[np.uint8]


def characters(archive: Path) -> list[Pictures]:
    """[20, 105, 105] the drawings of each character of the evaluation alphabets."""
    found: dict[str, list[Pictures]] = {}
    with zipfile.ZipFile(archive) as drawings:
        for name in sorted(name for name in drawings.namelist() if name.endswith(".png")):
            picture = np.asarray(decode(drawings.read(name), "L", name))
            found.setdefault(name.rsplit("/", 1)[0], []).append(picture)
    return [np.stack(pictures) for pictures in found.values()]


def of_draw(all_of: list[Pictures], model: str, seed: int) -> dict[str, float]:
    """Name -> share of right answers, 0..1, and "seconds" of the model's own fit and prediction."""
    generator = np.random.default_rng(seed)
    chosen = [all_of[k] for k in generator.choice(len(all_of), WAY, replace=False)]
    order = [generator.permutation(len(each)) for each in chosen]
    known = SHOT + UNLABELLED
    x = np.concatenate([each[o[:known]] for each, o in zip(chosen, order, strict=True)])
    y = np.concatenate([np.where(np.arange(known) < SHOT, k, -1) for k in range(WAY)])
    asked = np.concatenate([each[o[known:]] for each, o in zip(chosen, order, strict=True)])
    truth = np.repeat(np.arange(WAY), [len(each) - known for each in chosen])
    began = time.process_time()
    own = MetaClassifier.load(model).fit(x, y)
    found = {OWN: float((own.predict(asked) == truth).mean())}
    seconds = time.process_time() - began
    alone = MetaClassifier.load(model).fit(x[y >= 0], y[y >= 0])
    found[WITHOUT] = float((alone.predict(asked) == truth).mean())
    pixels = [own.encode(part).reshape(len(part), -1) / 255 for part in (x, asked)]
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
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="handwriting")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--to", type=Path, default=Path("benchmarks/results/handwriting/handwriting.json"))
    given = parser.parse_args()
    all_of = characters(given.folder / "omniglot" / "images_evaluation.zip")
    warnings.filterwarnings("ignore", "X: ", UserWarning)  # of what is done to the pictures
    drawn = [of_draw(all_of, given.model, seed) for seed in range(given.draws)]
    columns = {name: [each[name] for each in drawn] for name in drawn[0]}
    given.to.parent.mkdir(parents=True, exist_ok=True)
    about = {"draws": given.draws, "way": WAY, "shot": SHOT, "unlabelled": UNLABELLED}
    write_json(given.to, {**about, "commit": git_state()["revision"], "right": columns})
    for name, values in columns.items():
        if name == "seconds":
            continue
        accuracy, gain = over_seeds(np.array(values)), over_seeds(np.array(columns[OWN]) - values)
        print(f"{name:<36}{accuracy.percent():<14}{gain.percent(signed=True) if name != OWN else ''}")
    print(f"fit and predict: {np.median(columns['seconds']):.2f} s of CPU, the median")


if __name__ == "__main__":
    main()
