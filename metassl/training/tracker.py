"""The logger beside metrics.csv: a tracker that can't be reached says so before the training."""

import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger, WandbLogger

from metassl.errors import ConfigError
from metassl.instantiate import instantiate

SECONDS = 5.0  # that a server may take to answer; a tracker's own retries take minutes
PORTS = {"http": 80, "https": 443}


def build_tracker(node: DictConfig) -> Logger:
    """The logger that `logger.extra` describes, with its run begun.

    Raises ConfigError where its package is missing, its server does not answer or nobody is logged in.
    """
    _check_answers(str(node.get("tracking_uri", "")))
    try:
        logger: Logger = instantiate(node)
        _ = logger.experiment  # type: ignore[attr-defined]  # begins the run; without an account it fails here
        return logger
    except ConfigError as error:
        hint = "If its package is missing: pip install 'metassl[wandb,tensorboard,mlflow]'."
        raise ConfigError(f"logger: {error} {hint}") from None
    except Exception as error:  # each tracker has errors of its own
        raise ConfigError(f"logger: {node.get('_target_')}: {' '.join(str(error).split())}") from None


def close_trackers(loggers: Iterable[Logger]) -> None:
    """Ends what stays open after a training, so that the jobs of a sweep don't share a tracker's run."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def _check_answers(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in PORTS:
        return
    try:
        place = (parts.hostname or "", parts.port or PORTS[parts.scheme])
        socket.create_connection(place, timeout=SECONDS).close()
    except (OSError, ValueError) as error:
        raise ConfigError(f"logger.extra.tracking_uri: {uri} doesn't answer ({error}).") from None
