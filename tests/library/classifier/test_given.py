"""What is given as X and can't be: one line that says what was found and what is allowed."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metassl import MetaClassifier
from metassl.trained.likeness import described
from tests.support.models import random_model

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (8, 28, 28, 1), dtype=np.uint8)
Y = np.array([0, 1, 0, 1, -1, -1, -1, -1])


@pytest.fixture(scope="module")
def fitted() -> MetaClassifier:
    return MetaClassifier(random_model("protonet", "soft_kmeans", described(X))).fit(X, Y)


@pytest.mark.parametrize(("x", "line"), [
    (X[0], "X: found shape [28, 28, 1], which is one picture. Allowed are several, [n, h, w] or [n, h, w, c]: X[None]."),
    (np.stack([X, X]), "X: found uint8 [2, 8, 28, 28, 1], allowed are uint8 or float images"),
    (X.reshape(8, -1), "X: found rows of numbers or words, the model was trained on pictures."),
    (pd.DataFrame({"a": [1, 2]}), "X: found rows of numbers or words, the model was trained on pictures."),
    (np.zeros((2, 40, 50, 4), np.uint8), "X: found pictures of 4 channels, allowed are 1 or 3."),
    (X.astype(np.uint16) * 257, "X: found whole numbers from 0 to 65535 in pictures, allowed are 0 to 255."),
    (X.astype(int) - 1, "X: found whole numbers from -1 to 254 in pictures, allowed are 0 to 255."),
    (X.astype(str), "X: found str96 in pictures, allowed are numbers."),
    (X.astype(complex), "X: Complex data not supported, allowed are real numbers."),
    (np.where(X == 0, np.nan, X), "X: found NaN or infinite values in"),
    (np.full((2, 28, 28, 1), np.inf), "Input X contains infinity"),
])  # fmt: skip
def test_no_pictures(fitted: MetaClassifier, x: Any, line: str) -> None:
    for ask in (fitted.predict, lambda x: MetaClassifier(fitted.model).fit(x, np.arange(len(x)) % 2)):
        with pytest.raises(ValueError, match=f"^{re.escape(line)}") as caught:
            ask(x)
        assert "\n" not in str(caught.value)


def test_pictures_of_any_size_and_whole_numbers_of_any_type(fitted: MetaClassifier) -> None:
    """Four pixels for each give the same answers, whatever the size that `fit` was given."""
    p = fitted.predict_proba(X)
    large = X.repeat(2, axis=1).repeat(2, axis=2)
    assert np.abs(fitted.predict_proba(large) - p).max() < 0.05
    assert np.array_equal(fitted.predict_proba(X.astype(np.int64)), p)
    assert np.array_equal(fitted.predict_proba(X[..., 0].tolist()), p)
    masks = X > 128
    assert np.array_equal(fitted.predict_proba(masks), fitted.predict_proba(masks * np.uint8(255)))
    assert np.array_equal(fitted.predict_proba(masks.astype(int)), fitted.predict_proba(masks))


def test_an_infinite_number_of_a_frame_is_refused_by_predict_too() -> None:
    frame = pd.DataFrame({"a": np.arange(6.0), "b": list("xyxyxy")})
    model = MetaClassifier().fit(frame, [0, 1, 0, 1, -1, -1])
    with pytest.raises(ValueError, match="X, column 'a': found an infinite number, allowed are finite ones"):
        model.predict(frame.assign(a=np.inf))
    assert len(model.predict(frame.assign(a=pd.array([1, None] * 3, dtype="Int64")))) == 6
