"""TF-IDF: features of texts that need no weights from anywhere."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from metassl.data.preparing.progress import track
from metassl.errors import ConfigError, DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Seed

STEPS = 1000  # texts embedded at once


class TfIdf:
    """Counts words or pieces of them, weighs down what is common, and keeps the main directions.

    x = V (tf·idf), of length 1: tf = 1 + log count, idf = log((1 + n)/(1 + n_t)) + 1, V the first right
    singular vectors of the training texts' matrix (latent semantic analysis). Words, weights and V come from
    the texts of training classes alone; a text without any known piece is the zero vector.

    Source: Deerwester et al. 1990 (V); the weights are scikit-learn's.

    Args:
        width: d, entries of a vector; fewer where the training texts have no more directions.
        analyzer: what is counted: word, char, or char_wb (letters within words).
        ngrams: how many words or letters in a row, from and to.
        least: training texts that a piece must be in.
        seed: of the search for V.
    """

    @checked("features")
    def __init__(
        self,
        width: Count = 512,
        analyzer: Literal["word", "char", "char_wb"] = "char_wb",
        ngrams: tuple[Count, Count] = (2, 3),
        least: Count = 1,
        seed: Seed = 0,
    ) -> None:
        low, high = ngrams
        if low > high:
            raise ConfigError(f"features.ngrams: found {list(ngrams)}, allowed is the lower number first.")
        self.width, self.analyzer, self.ngrams = width, analyzer, (int(low), int(high))
        self.least, self.seed = least, seed

    def fingerprint(self) -> Mapping[str, Any]:
        """The options."""
        return {"features": "tfidf", "version": 1, **vars(self), "ngrams": list(self.ngrams)}

    def embed(self, texts: Sequence[str], of_training: NDArray[np.bool_]) -> NDArray[np.float32]:
        """See TextFeatures. Raises DataError where training texts have no piece in common, or none at all."""
        # Imported here: it takes seconds, and what is prepared already doesn't need it.
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        weigh = TfidfVectorizer(
            analyzer=self.analyzer, ngram_range=self.ngrams, min_df=self.least, sublinear_tf=True
        )
        # in one order, whatever that of the classes, so that no sum is rounded in another way
        known = sorted(text for text, taken in zip(texts, of_training, strict=True) if taken)
        try:
            counted = weigh.fit_transform(known)
        except ValueError as error:
            raise DataError(
                f"features=tfidf: the {len(known)} texts of training classes have nothing to count "
                f"({' '.join(str(error).split()).rstrip('.')})."
            ) from None
        width = min(self.width, counted.shape[1], counted.shape[0])
        reduce = TruncatedSVD(width, random_state=self.seed).fit(counted)
        starts = range(0, len(texts), STEPS)
        parts = [
            reduce.transform(weigh.transform(texts[start : start + STEPS]))
            for start in track(starts, "TF-IDF")
        ]
        return of_length_one(np.concatenate(parts))


def of_length_one(x: NDArray[np.floating]) -> NDArray[np.float32]:
    """[n, d] rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return (x / np.where(lengths > 0, lengths, 1)).astype(np.float32)
