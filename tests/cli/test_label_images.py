"""The command that labels the pictures of a folder."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from metassl import MetaClassifier
from metassl.trained.likeness import described
from tests.support.browsing import browser, opens_everywhere
from tests.support.console import metassl
from tests.support.models import random_folder

__all__ = ["browser"]

RNG = np.random.default_rng(0)


def lines(kind: str, count: int) -> np.ndarray:
    """Light strokes on dark of 28 × 28: lying, standing, or crossed."""
    found = np.zeros((count, 28, 28, 1))
    for picture in found:
        x, y = RNG.integers(12, 15, 2)
        if kind != "standing":
            picture[x : x + 2, 4:24] = 255
        if kind != "lying":
            picture[4:24, y : y + 2] = 255
    return gaussian_filter(found, (0, 0.6, 0.6, 0)).round().astype(np.uint8)


def save(pictures: np.ndarray, folder: Path, dark_on_light: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k, picture in enumerate(pictures):
        seen = 255 - picture if dark_on_light else picture
        large = Image.fromarray(seen[..., 0]).resize((56, 56), Image.Resampling.BICUBIC)
        large.convert("RGB").save(folder / f"{k}.png")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three classes of three drawings, dark on white, and eight of each without a label."""
    for kind in ("crossed", "lying", "standing"):
        save(lines(kind, 3), tmp_path / "photos" / kind)
        save(lines(kind, 8), tmp_path / "photos" / "unlabelled" / kind)
        for k in range(8):
            shutil.move(
                tmp_path / "photos" / "unlabelled" / kind / f"{k}.png",
                tmp_path / "photos" / "unlabelled" / f"{kind}_{k}.png",
            )
        (tmp_path / "photos" / "unlabelled" / kind).rmdir()
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    known = described(np.concatenate([lines(kind, 40) for kind in ("crossed", "lying", "standing")]))
    random_folder(tmp_path / "model", known)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def test_pictures_get_labels_and_a_page(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert metassl("label", "images=photos", "model=model", "folds=3") == 0
    shown = capsys.readouterr()
    said = shown.out.splitlines()
    assert said[0] == "9 labelled pictures, 3 crossed, 3 lying, 3 standing; 24 without a label"
    assert said[1] == "pictures: read at 28×28×1"
    assert said[2].startswith("labelled pictures, each left out once: ")
    assert said[-1] == "written to photos/labels.csv and photos/labels.html"
    assert "note: 'photos': inverted, dark for light" in shown.err
    found = pd.read_csv("photos/labels.csv")
    assert list(found) == ["file", "label", "probability", "second", "second_probability"]
    assert len(found) == 24
    truth = found["file"].str.extract(r"unlabelled/(\w+)_\d")[0]
    assert (found["label"] == truth).mean() > 0.8
    page = Path("photos/labels.html").read_text()
    assert page.count("data:image/png;base64,") == 24
    least = found.sort_values("probability", kind="stable")["file"]
    places = [page.index(f"<br>{name}</figcaption>") for name in least]
    assert places == sorted(places), "the least certain come first"


def test_the_page_in_a_browser(browser: Any, photos: Path) -> None:
    assert metassl("label", "images=photos", "model=model", "folds=2") == 0
    opens_everywhere(browser, photos / "labels.html")


def test_the_classifier_does_the_same_with_files_pictures_and_arrays(photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))
    y = ["" if file.parent.name == "unlabelled" else file.parent.name for file in files]
    pictures = [Image.open(file) for file in files]
    arrays = np.stack([np.asarray(picture) for picture in pictures])
    answers = []
    for x in (files, [str(file) for file in files], pictures, arrays):
        with pytest.warns(UserWarning, match="made 28×28×1 of 56×56×3|inverted, dark for light"):
            model = MetaClassifier.load("model").fit(x, y)
        answers.append(model.predict_proba(x))
        assert model.encode(x).shape == (33, 28, 28, 1)
        assert model.embed(x).shape == (33, 392)
    for other in answers[1:]:
        assert np.allclose(answers[0], other, atol=1e-6)


def test_it_is_compared_on_pixels_and_on_its_features(photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))
    y = ["" if file.parent.name == "unlabelled" else file.parent.name for file in files]
    with pytest.warns(UserWarning, match="inverted"):
        found = MetaClassifier.load("model").compare(files, y, folds=3)
    assert {"LogisticRegression", "LogisticRegression on its features"} <= found.right.keys()
    assert "the most frequent class on its features" not in found.right
    assert found.accuracy["LogisticRegression on its features"].mean > 0.7


def test_a_picture_that_cannot_be_read(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "unlabelled" / "bad.png").write_bytes(b"no picture")
    assert metassl("label", "images=photos", "model=model") == 2
    assert capsys.readouterr().err.startswith("error: 'photos/unlabelled/bad.png' can't be read as a picture")
    assert not Path("photos/labels.csv").exists()
    assert metassl("label", "images=photos", "model=model", "skip_bad=true", "folds=2") == 0
    shown = capsys.readouterr()
    assert "note: left out 'photos/unlabelled/bad.png'" in shown.err
    assert "read at 28×28×1; 1 could not be read" in shown.out


@pytest.mark.parametrize(("words", "line"), [
    ([], "model: has no default for pictures, give the folder of a run or of an exported model, or a name"),
    (["model=mdel"], "model, a folder of a run or of an exported one, or a name: found 'mdel'"),
    (["model=tables"], "X: found files or Pillow's images, allowed are they with a model of pictures that says of which size"),
    (["model=model", "target=x"], "target: found 'x' beside images=, allowed is one of the two"),
    (["model=model", "skip_bad=perhaps"], "skip_bad: found 'perhaps', allowed is true or false"),
    (["model=model", "imges=x"], "label: found 'imges'. Did you mean 'images'?"),
    (["model=model", "to=photos/notes.txt"], "to: found 'photos/notes.txt', allowed is a name that ends in .csv"),
])  # fmt: skip
def test_words_that_are_refused(
    photos: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert metassl("label", "images=photos", *words) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: {line}")
    assert shown.count("\n") == 1


def test_folders_that_are_refused(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def line(images: str = "photos") -> str:
        assert metassl("label", f"images={images}", "model=model") == 2
        return capsys.readouterr().err

    assert (
        line("fotos") == "error: images: 'fotos' is no folder; needed is one with a folder for each class.\n"
    )
    (photos / "empty").mkdir()
    assert (
        line() == "error: images: found no picture in 'photos/empty', at least 1 of each class is needed.\n"
    )
    (photos / "empty").rmdir()
    shutil.move(photos / "unlabelled", photos.parent / "away")
    assert "found no picture without a label in 'photos' or 'photos/unlabelled'" in line()
    shutil.move(photos.parent / "away", photos / "unlabelled")
    for kind in ("crossed", "lying"):
        shutil.rmtree(photos / kind)
    assert line().startswith("error: images: found the classes 'standing' in 'photos', at least 2 folders")


def test_more_classes_than_it_was_trained_for(tmp_path: Path) -> None:
    """MAML of five classes meets six: its head has rows that begin alike."""
    x = np.concatenate([lines(kind, 6) for kind in ("crossed", "lying", "standing")])
    x = np.concatenate((x, np.rot90(x, axes=(1, 2))))
    known = described(x)
    y = np.repeat(np.arange(6), 6)
    random_folder(tmp_path / "model", known, "maml", "none")
    model = MetaClassifier.load(tmp_path / "model")
    with pytest.warns(UserWarning, match="found 6 classes, the model was trained on up to 5"):
        model.fit(x, y)
    assert model.predict_proba(x).shape == (36, 6)
    assert np.allclose(model.predict_proba(x).sum(1), 1)
