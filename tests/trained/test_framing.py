"""Pictures of any size become those of a learner."""

from pathlib import Path

import numpy as np
from PIL import Image

from metassl.data.images.pictures import fitted
from metassl.trained.framing import as_pictures, framed


def test_a_drawing_is_filled_up_and_nothing_is_cut_off() -> None:
    """Ink at both ends of a wide white sheet stays."""
    sheet = np.full((20, 60, 3), 255, np.uint8)
    sheet[5:15, 2:8] = sheet[5:15, 52:58] = 0
    small = framed([Image.fromarray(sheet)], 30, 30, 1)[0, ..., 0]
    assert small.shape == (30, 30)
    assert small[12:18, 1:4].min() < 60
    assert small[12:18, 26:29].min() < 60
    assert (small[:9] == 255).all(), "what is filled up has the colour of the edge"


def test_of_a_photograph_the_centre_is_kept() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 60, 3), dtype=np.uint8)
    noise[:, 20:40] = 200
    small = framed([Image.fromarray(noise)], 10, 10, 3)[0]
    assert np.abs(small[2:8, 2:8].astype(int) - 200).max() < 3


def test_a_photograph_becomes_what_training_had_made_of_its_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (70, 41, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(
        framed([Image.fromarray(noise)], 32, 32, 3)[0], fitted(tmp_path / "photo.png", 32, 3)
    )


def test_of_the_right_size_it_stays_as_it_is() -> None:
    x = np.random.default_rng(0).integers(0, 256, (4, 8, 9, 3), dtype=np.uint8)
    assert np.array_equal(framed(as_pictures(x), 8, 9, 3), x)
    assert np.array_equal(framed(as_pictures(x[..., :1]), 8, 9, 1), x[..., :1])
    assert np.array_equal(framed(as_pictures(x[..., :1]), 8, 9, 3), x[..., :1].repeat(3, -1))
    assert np.array_equal(framed(as_pictures(x / 255), 8, 9, 3), x)
