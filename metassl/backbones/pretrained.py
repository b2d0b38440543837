"""Networks for photographs that were trained before, by torchvision and timm."""

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import Norm
from metassl.pretrained.freezing import train_only
from metassl.pretrained.lora import LowRank, add_low_rank
from metassl.pretrained.network import PretrainedNetwork, Taken, Train, features_of, wanted_channels
from metassl.pretrained.of_timm import of_timm
from metassl.pretrained.of_torchvision import of_torchvision
from metassl.schema.ranges import Count, Pixels, Positive, Whole, Word

KEY = "backbone"


class PretrainedBackbone(Backbone):
    """Features of a network that stays in its evaluation mode: of norms it is as one that has none.

    Args:
        taken: the network.
        model: what it is called.
        input_shape: (C, H, W).
        train: which of its weights are parameters.
        size: pixels a side that pictures are resized to.
        low_rank: of the corrections that are trained with train="lora".
    """

    def __init__(
        self,
        taken: Taken,
        model: str,
        input_shape: tuple[int, ...],
        train: Train,
        size: int | None,
        low_rank: LowRank,
    ) -> None:
        super().__init__()
        self.norm = "none"
        self.network = PretrainedNetwork(taken, wanted_channels(KEY, input_shape), size)
        self.out_dim = features_of(self.network, KEY, model, input_shape)
        if train == "lora":
            add_low_rank(self.network, torch.zeros(1, *input_shape), KEY, low_rank)
        train_only(self.network.network, train)

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, C, H, W] in 0..1 -> [n, D]; a pass tells nothing that it reads."""
        z: Tensor = self.network(x)
        return z


class Torchvision(PretrainedBackbone):
    """Features of a classification network of torchvision without its last layer: for photographs.

    Pictures are brought to ImageNet's mean and deviation, grey ones repeated in three channels. The network
    stays in its evaluation mode, so that batch normalisation takes the averages that it came with and a
    picture's features depend on no other one; dropout drops nothing. What is not trained is no parameter: no
    optimiser and no inner loop moves it.

    Source: the weights' papers, by torchvision; He et al. 2016, section 4.1, for resnet18.

    Args:
        input_shape: (C, H, W), C 3 or 1.
        model: a name of `torchvision.models.list_models(module=torchvision.models)`.
        weights: None: random, which is of use as a control alone; hub: the best that torchvision offers,
            downloaded once; or a file .safetensors, .pt or .pth of the network's weights.
        train: none; last: the last block and what follows it; all; lora: low-rank corrections beside its
            linear layers, or beside its convolutions where it has none, by peft (Hu et al. 2022).
        size: pixels a side that pictures are resized to, bilinearly; None: as they are.
        norm, norm_steps: what models ask of other networks, read by none of this one's norms.
        lora_rank, lora_alpha: of the corrections, each of which counts alpha / rank times.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        model: Word = "resnet18",
        weights: Word | None = None,
        train: Train = "none",
        size: Pixels | None = None,
        norm: Norm = "none",
        norm_steps: Whole = 0,
        lora_rank: Count = 8,
        lora_alpha: Positive = 16.0,
    ) -> None:
        taken = of_torchvision(KEY, model, weights, wanted_channels(KEY, input_shape))
        super().__init__(taken, model, input_shape, train, size, LowRank(lora_rank, lora_alpha))


class Timm(PretrainedBackbone):
    """Features of a network of timm without its classifier: for photographs.

    As Torchvision, but with the mean and deviation that the network was trained with.

    Source: Wightman 2019 (timm), and the weights' papers; He et al. 2016, section 4.1, for resnet18.

    Args:
        input_shape: (C, H, W); of one channel it is repeated.
        model: a name of `timm.list_models()`, such as vit_small_patch14_dinov2; a tag behind a dot chooses
            among weights.
        weights, train, size, norm, norm_steps, lora_rank, lora_alpha: see Torchvision.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        model: Word = "resnet18",
        weights: Word | None = None,
        train: Train = "none",
        size: Pixels | None = None,
        norm: Norm = "none",
        norm_steps: Whole = 0,
        lora_rank: Count = 8,
        lora_alpha: Positive = 16.0,
    ) -> None:
        taken = of_timm(KEY, model, weights, wanted_channels(KEY, input_shape))
        super().__init__(taken, model, input_shape, train, size, LowRank(lora_rank, lora_alpha))
