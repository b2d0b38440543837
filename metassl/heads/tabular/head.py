"""A classifier for any table: a network weighs plain classifiers' answers for each row, and corrects them.

Legend: n context rows, m items, N way, D columns, A answers, W width, E numbers of a column.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.errors import ConfigError
from metassl.heads import in_context_layers
from metassl.heads.base import Head
from metassl.heads.in_context_layers import Block, beside
from metassl.heads.layer_norm import LayerNorm
from metassl.heads.tabular.answered import FACTS, Found, asked, evenly, found, plain_answers
from metassl.heads.tabular.answers.rows import Items, Rows, rows_of
from metassl.heads.tabular.columns import Columns, Read
from metassl.heads.tabular.frequencies import Frequencies
from metassl.heads.tabular.pretrained import load_pretrained
from metassl.schema.ranges import Count

FAINT = -7.0  # least log-probability that the network is told of
SCALE = 3.0


class Task(NamedTuple):
    """What is kept of a task: its rows, the plain answers, the columns, and the tokens of each layer.

    weights [A] of the answers, shift [N] by how frequent the classes are.
    """

    rows: Rows
    answers: Found
    columns: Read
    context: in_context_layers.Read
    weights: Tensor
    shift: Tensor


class TabularInContext(Head):
    """Classifies the rows of a table that it has never seen, in one pass over labelled and unlabelled rows.

    p = softmax_c(log Σ_a π_ja softmax(τ_a l_a)_jc + r_jc + shift_c)

    l_a are the logits of plain classifiers, fitted to the task (logistic regression, kernel ridge regression,
    near rows, prototypes, spreading labels, trees; see `plain_answers`). π weighs them for each row, by how
    each does on labelled rows without their label, by the sizes of the task, and by what the row's tokens
    say. r corrects the outcome. Both corrections are 0 before training: an untrained head is the mean of the
    plain classifiers, each kind of the same weight. shift is for how frequent the classes are among rows
    without a label (metassl.heads.tabular.frequencies).

    A token stands for a row and a class. It holds the plain answers, the label if there is one, and what
    the columns say (metassl.heads.tabular.columns). Blocks of attention as in InContext: a token reads the
    context's tokens of its own class, and the mean over the classes. No weight belongs to a class, a column
    or a row, so their order is of no influence and their numbers are free; queries don't see each other.
    Everything is computed as finely as the weights are stored: in float64 order is of none to nine digits.

    Source: Hollmann et al. 2023 (TabPFN): a network trained on synthetic tables that reads a whole data set.

    Differs from the paper: rows without a label are read, too; plain classifiers are inputs; columns and
    classes have no places.

    Args:
        width: W, a multiple of `heads`.
        heads: of the attention.
        blocks: of attention.
        hidden: units of a block's network.
        columns: E.
        pretrained: weights to begin with: the name of a model that comes with the package, or a file of
            safetensors. They need the sizes that they were trained with. None: random ones.

    Raises:
        ConfigError: heads that don't divide the width.
        UserError: no such weights, or weights of other sizes.
    """

    reads_unlabelled = True
    refit_weight = 0.0  # as InContext

    def __init__(
        self,
        width: Count = 48,
        heads: Count = 2,
        blocks: Count = 2,
        hidden: Count = 96,
        columns: Count = 12,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(
                f"model.head.heads: found {heads}, allowed are divisors of model.head.width, {width}."
            )
        self.answers = plain_answers()
        count = 1 + sum(answer.count for answer in self.answers)
        self.columns = Columns(columns)
        self.token = nn.Linear(count + columns + 2, width)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(blocks))
        self.temperature = nn.Parameter(torch.zeros(count))
        self.register_buffer("even", evenly(self.answers), persistent=False)
        mixing = nn.Linear(64, count)
        self.by_task = nn.Sequential(nn.Linear(2 * count + FACTS, 64), nn.GELU(), mixing)
        self.norm = LayerNorm(width)
        self.by_row, self.correction = nn.Linear(width, count), nn.Linear(width, 1)
        self.frequencies = Frequencies()
        for last in (mixing, self.by_row, self.correction):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        if pretrained is not None:
            load_pretrained(self, pretrained)

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Task:
        """Reads the context: features z [n, D], labels q [n, N] (rows of 0 have none), weights w [n]."""
        rows = rows_of(z.to(self.temperature.dtype), q, w)
        answers = found(self.answers, rows)
        read = self.columns.fit(rows)
        labels = rows.mass
        tokens = self._tokens(answers.own, self.columns.read(read, rows.items), labels)
        live = rows.live / rows.live.sum().clamp(min=1)
        context = in_context_layers.read(list(self.blocks), tokens, w, live)
        weights = self.by_task(answers.facts) + self.even
        shift = self.frequencies(self._together(answers.own, weights), rows)
        return Task(rows, answers, read, context, weights, shift)

    def logits(self, state: Task, z: Tensor) -> Tensor:
        """[m, N] of rows z [m, D]."""
        items = state.rows.place(z.to(self.temperature.dtype))
        return self._mixed(state, items, asked(self.answers, state.answers, items))

    def _mixed(self, state: Task, items: Items, answers: Tensor) -> Tensor:
        none = torch.zeros_like(answers[..., 0])
        tokens = self._tokens(answers, self.columns.read(state.columns, items), none)
        tokens = self.norm(beside(list(self.blocks), tokens, state.context))
        mean = (tokens * state.context.live.unsqueeze(-1)).sum(1)
        together = self._together(answers, (state.weights + self.by_row(mean)).unsqueeze(1))
        return together + state.shift + self.correction(tokens).squeeze(-1)

    def _together(self, answers: Tensor, weights: Tensor) -> Tensor:
        """[m, N] log-probabilities by answers [m, N, A] and logits [m, 1, A], or [A], of their weights."""
        each = (answers * self.temperature.exp()).log_softmax(1)
        return (each + weights.log_softmax(-1)).logsumexp(-1)

    def _tokens(self, answers: Tensor, evidence: Tensor, labels: Tensor) -> Tensor:
        """[n, N, W] of answers [n, N, A], evidence [n, N, E] and labels [n, N]."""
        said = answers.log_softmax(1).clamp(min=FAINT) / SCALE
        unknown = (1 - labels.sum(-1, keepdim=True)).expand_as(labels)
        return self.token(torch.cat((said, evidence, labels.unsqueeze(-1), unknown.unsqueeze(-1)), dim=-1))
