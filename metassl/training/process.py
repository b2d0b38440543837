"""Settings that hold for the whole process of a run."""

import logging
import warnings

import torch
from omegaconf import DictConfig

from metassl.training.allocator import keep_freed_memory


def settle_process(config: DictConfig) -> None:
    """Prepares the process for a run: memory, threads, and no hints that don't apply."""
    silence_hints()
    keep_freed_memory()
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)


def silence_hints() -> None:
    """Silences those of Lightning's hints that don't apply.

    Nothing is decoded in our loaders, and a pretrained network is meant to stay in its evaluation mode.
    """
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in (
        ".*does not have many workers.*",
        ".*LeafSpec.*",
        ".*in eval mode at the start of training.*",
    ):
        warnings.filterwarnings("ignore", text)
