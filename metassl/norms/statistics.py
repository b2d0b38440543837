"""Statistics of a batch over the rows that may give them."""

from torch import Tensor


def row_statistics(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the mean and variance of each channel over the rows that count.

    [C] mean and (biased) variance over the marked rows of x [n, C, ...].
    """
    places = x.flatten(2) if x.dim() > 2 else x.unsqueeze(-1)
    share = (rows / (rows.sum() * places.shape[2])).view(-1, 1, 1)
    mean = (places * share).sum((0, 2))
    var = ((places - mean.view(1, -1, 1)).square() * share).sum((0, 2))
    return mean, var
