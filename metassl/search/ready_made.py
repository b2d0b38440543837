"""The spaces that stand beside the methods, in conf/search, so that nobody has to know the usual bounds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from metassl.errors import DataError
from metassl.yaml_files import read_yaml

FOLDER = "search"


def ready_made(choices: Mapping[str, str], folders: Sequence[Path]) -> dict[str, str]:
    """Key -> its values in words, for the options that a config consists of.

    Args:
        choices: option of each config group.
        folders: of config groups; a later one's file takes the place of an earlier one's.
    """
    found: dict[str, str] = {}
    for group, option in choices.items():
        for folder in reversed(folders):
            path = folder / FOLDER / group.split("@")[0] / f"{option}.yaml"
            if path.is_file():
                found |= read_space(path)
                break
    return found


def read_space(path: Path) -> dict[str, str]:
    """Key -> its values in words, of a file. Raises DataError for one that says anything else."""
    content = read_yaml(path)
    plain = OmegaConf.to_container(content, resolve=False) if isinstance(content, DictConfig) else None
    if not isinstance(plain, dict) or not all(isinstance(text, str) for text in plain.values()):
        raise DataError(f"{path}: expected lines of the form key: interval(low, high), of one key each.")
    return {str(key): str(text) for key, text in plain.items()}
