"""How frequent the classes are among unlabelled rows, which the labelled ones, chosen by hand, don't tell.

Legend: n context rows, N way.
"""

import math

import torch
from torch import Tensor, nn

from metassl.heads.tabular.answers.rows import TINY, Rows

ROUNDS = 20


class Frequencies(nn.Module):
    """Says by how much each class is to be raised, for it is more frequent than its labels are.

    With p_uc the shares of the classes of unlabelled row u, sharpened, p ∝ p^τ:

        r_uc ∝ p_uc π_c / prior_c,   π_c = (Σ_u r_uc + α prior_c) / (U + α)   in turn, 20 rounds
        shift_c = s · sure · log(π_c / prior_c),   sure = mean_u (max_c p_uc - 1/N) / (1 - 1/N)

    Labels are often as many of each class, whatever is more frequent. Then the answers of rows without a
    label tell how frequent the classes are, and who knows that is right more often. The labels' own shares
    (prior) count as α rows, and where answers are unsure little is moved. Without unlabelled rows nothing
    is. What is asked is taken to be of classes as frequent as the unlabelled rows are.

    Source: Saerens, Latinne and Decaestecker 2002, section 2.2 (EM).

    Differs from the paper: shares are sharpened, frequencies are drawn towards the labels', the shift is
    tempered. τ, α and s are learned; they begin at 2, 50 and 0.5, which undoes the sharpening.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sharper = nn.Parameter(torch.tensor(math.log(2.0)))
        self.held = nn.Parameter(torch.tensor(math.log(50.0)))
        self.strength = nn.Parameter(torch.tensor(math.log(0.5)))

    def forward(self, outcome: Tensor, rows: Rows) -> Tensor:
        """shift [N] by the log-probabilities [n, N] of the context's rows."""
        p = (outcome * self.sharper.exp()).softmax(-1)
        free = torch.where(rows.a > 0, 0, rows.w)
        count, held = free.sum(), self.held.exp()
        prior = rows.prior.clamp(min=TINY)
        found = prior
        for _ in range(ROUNDS):
            share = p * (found / prior)
            share = share / share.sum(-1, keepdim=True).clamp(min=TINY)
            found = (free @ share + held * prior) / (count + held)
        chance = 1 / rows.live.sum().clamp(min=2)
        sure = ((p.amax(-1) - chance) / (1 - chance)).clamp(min=0)
        sure = (free @ sure) / count.clamp(min=TINY)
        shift = self.strength.exp() * sure * (found.clamp(min=TINY).log() - prior.log())
        return torch.where(rows.live > 0, shift, 0)
