"""What is done to features before a head compares them: length normalisation and a temperature.

Legend: n rows, D features.
"""

from math import log

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import unit
from metassl.numerics.precision import full_precision
from metassl.schema.ranges import Positive, Switch


class Sphere(nn.Module):
    """Scales features, so that distances between them are of the size that a softmax of them needs.

    z ↦ √τ · z, or √τ · z/‖z‖: squared distances and inner products become τ times as large, for the head and
    for the SSL objective alike. On the unit sphere squared distances lie in 0..4, so with τ = 1 every softmax
    of them is nearly even.

    Source: Wang et al. 2017 (NormFace), section 3.2 (on the sphere, by a learned scale); a learned scale of
    distances as in Oreshkin et al. 2018 (TADAM), eq. 4.

    Args:
        unit_length: whether every row is divided by its length.
        temperature: initial τ, learned as log τ; None: none, z stays as long as it is.
    """

    log_temperature: nn.Parameter | None

    def __init__(self, unit_length: Switch = False, temperature: Positive | None = None) -> None:
        super().__init__()
        self.unit_length = unit_length
        found = None if temperature is None else nn.Parameter(torch.tensor(log(temperature)))
        self.register_parameter("log_temperature", found)

    def forward(self, z: Tensor) -> Tensor:
        """[n, D] -> [n, D]."""
        if self.unit_length:
            z = _unit(z)
        return z if self.log_temperature is None else z * (self.log_temperature / 2).exp().to(z.dtype)


@full_precision
def _unit(z: Tensor) -> Tensor:
    return unit(z)
