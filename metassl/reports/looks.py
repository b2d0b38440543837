"""How a method looks in every picture: the same colour, line and marker wherever it is drawn."""

from dataclasses import dataclass
from hashlib import sha256

# Okabe and Ito's colours, which stay apart under every common colour blindness; yellow is left out
# because it vanishes on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FAINT = "#9aa3ab"  # of what stands in the background

# Names that stand beside one another most often come first: any four of the models with any seven of the
# objectives that follow one another differ in colour or line. New names belong at the end, or every method
# behind them changes its look; a name that is not here takes a place by its letters.
MODELS = (
    "maml", "protonet", "anil", "r2d2", "fomaml", "reptile", "meta_sgd", "matching", "relation", "baseline",
    "baseline_pp", "metaoptnet", "proto_maml", "mamlpp", "boil", "imaml", "feat", "in_context", "starts",
    "nearest_task", "mixed_starts", "tsa_maml", "mmaml", "hsml", "cnaps", "simple_cnaps", "tpn", "leo",
)  # fmt: skip
OBJECTIVES = (
    "none", "consistency", "pseudo_label", "soft_kmeans", "vat", "entropy", "label_propagation", "sinkhorn",
    "gmm", "mean_teacher", "fixmatch", "mixmatch", "ict", "soft_kmeans_cluster", "masked_soft_kmeans",
    "poisson", "alpha_tim", "paddle", "ilpc", "uda", "rotation", "contrastive", "vae", "adamatch", "simmatch",
    "random_walk", "pseudo_label_soft", "pseudo_label_top_k",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What a line or a mark is drawn with, by matplotlib's names."""

    colour: str
    style: str
    marker: str


def look_of(model: str, ssl: str) -> Look:
    """The look of a method, by its names alone: 224 differ."""
    row, column = _place(model, MODELS), _place(ssl, OBJECTIVES)
    turn, style = divmod(row, len(STYLES))
    colour, further = (row + column) % len(COLOURS), column // len(COLOURS)
    return Look(COLOURS[colour], STYLES[style], MARKERS[(turn + further) % len(MARKERS)])


def numbered_look(index: int) -> Look:
    """The look of what has a number in its picture and is no method."""
    turn, colour = divmod(index, len(COLOURS))
    return Look(COLOURS[colour], STYLES[turn % len(STYLES)], MARKERS[index % len(MARKERS)])


def _place(name: str, known: tuple[str, ...]) -> int:
    if name in known:
        return known.index(name)
    return int.from_bytes(sha256(name.encode("utf-8", "replace")).digest()[:4], "big") % 28
