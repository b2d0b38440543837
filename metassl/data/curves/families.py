"""Families of curves: how a member is drawn, and what its value is at an input.

Legend: T tasks, n points, d inputs of a point, P parameters of a member.
"""

from collections.abc import Sequence

import numpy as np

from metassl.schema.ranges import Span


class Family:
    """A set of functions of d inputs, from which members are drawn uniformly in their parameters.

    Attributes:
        spans: [low, high] of each parameter.
        inputs: the fewest inputs d that it needs.
    """

    spans: tuple[Span, ...]
    inputs: int = 1

    def parameters(self, u: np.ndarray) -> np.ndarray:
        """[T, P] parameters from numbers u [T, P or more] in [0, 1)."""
        low, high = np.array(self.spans, dtype=np.float64).T
        return low + (high - low) * u[:, : len(self.spans)]

    def reads(self, inputs: int) -> int:
        """How many of d = `inputs` inputs its values depend on, the first ones: the fewest that it needs."""
        return self.inputs

    def value(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """[T, n] values at x [T, n, d] of members with parameters [T, P]."""
        raise NotImplementedError


class Sine(Family):
    """Draws waves of different height, place and length.

    y = A sin(f x - φ) + s, x the first input. Source: Finn et al. 2017, section 5.1 (f = 1, s = 0). The
    code of Yao et al. 2020 (ARML) adds its phase, φ from -2π to 0; that of Yao et al. 2019 (HSML) adds it
    outside the sine, s from 0 to 2π.

    Args:
        amplitude, phase, frequency, shift: spans of A, φ, f, s.
    """

    def __init__(
        self,
        amplitude: Span = (0.1, 5.0),
        phase: Span = (0.0, np.pi),
        frequency: Span = (1.0, 1.0),
        shift: Span = (0.0, 0.0),
    ) -> None:
        self.spans = (amplitude, phase, frequency, shift)

    def value(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """See Family."""
        a, phase, f, shift = parameters.T[:, :, None]
        return a * np.sin(f * x[..., 0] - phase) + shift


class Polynomial(Family):
    """Draws polynomials of the first input.

    y = Σ_p c_p x^p, c_p from its span. Source: lines, quadratics and cubics of Yao et al. 2019 (HSML)
    and 2020 (ARML), generate_mixture_batch and generate_2D_batch of their data_generator.py.

    Args:
        coefficients: spans of c_0, c_1, …
    """

    def __init__(self, coefficients: Sequence[Span]) -> None:
        self.spans = tuple(coefficients)

    def value(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """See Family."""
        powers = x[..., :1] ** np.arange(len(self.spans))
        return (powers * parameters[:, None, :]).sum(-1)


class QuadraticSurface(Family):
    """Draws bowls and saddles over two inputs.

    y = a x₁² + b x₂². Source: Yao et al. 2020 (ARML).

    Args:
        a, b: their spans.
    """

    inputs = 2

    def __init__(self, a: Span = (-1.0, 1.0), b: Span = (-1.0, 1.0)) -> None:
        self.spans = (a, b)

    def value(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """See Family."""
        a, b = parameters.T[:, :, None]
        return a * x[..., 0] ** 2 + b * x[..., 1] ** 2


class Ripple(Family):
    """Draws rings that get narrower outwards.

    y = sin(-a Σ_i x_i²) + b, over all inputs. Source: Yao et al. 2020 (ARML), of two inputs.

    Args:
        a, b: their spans.
    """

    def __init__(self, a: Span = (-0.2, 0.2), b: Span = (-3.0, 3.0)) -> None:
        self.spans = (a, b)

    def reads(self, inputs: int) -> int:
        """All of them."""
        return inputs

    def value(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """See Family."""
        a, b = parameters.T[:, :, None]
        return np.sin(-a * (x**2).sum(-1)) + b
