"""Meta-train and meta-test: python train.py model=maml ssl=consistency dataset=glyphs."""

import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from metassl.cli.arguments import prepare
from metassl.cli.job import run_job
from metassl.errors import UserError


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def run(config: DictConfig) -> float | None:
    """One run: the whole config in, the meta-test accuracy out."""
    return run_job(config)


if __name__ == "__main__":
    try:
        sys.argv[1:] = prepare(sys.argv[1:], Path(__file__).parent / "conf")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    run()
