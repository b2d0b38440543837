"""CNAPs: networks that read the task write FiLM of the backbone and the classifier; no gradient steps.

Legend: N way, S support, U unlabelled, C channels of a layer, F their sum over layers, E task embedding.
"""

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.film import film_layers, film_overlay
from metassl.errors import ConfigError
from metassl.heads.base import Head
from metassl.learners.amortised.hypernet import zero
from metassl.learners.amortised.set_encoder import SetEncoder, read_task
from metassl.learners.metric.learner import HeadLearner
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class CNAPs(HeadLearner):
    """FiLM by γ_l = 1 + gain_l(t), β_l = shift_l(t) after each norm l, t = encoder(S ∪ U); then the head.

    The head is `GeneratedLinear`; with a labelling objective it is refitted `rounds` times, as every closed
    form. The FiLM networks start at 0, so that the backbone starts unmodulated.
    Source: Requeima et al. 2019, section 2 (without the auto-regressive part); the labels of U in refits as
    in Bateni et al. 2022. Three differences: the original trains the backbone on other data first and then
    keeps it; here it is trained jointly. Its encoder has a convolution network of its own; here the encoder
    reads the backbone's features without modulation, so that it needs no network a data set. Its penalty on
    the size of the modulation (0.001 in the code) is left out.

    Args:
        backbone, ssl, task, head, rounds: see HeadLearner.
        encoder: reads the task.
        hidden: width of the FiLM networks.
    """

    embeds_apart = False

    def __init__(
        self,
        backbone: Backbone,
        ssl: SSLTerm,
        task: TaskSpec,
        head: Head,
        rounds: int,
        encoder: SetEncoder,
        hidden: int,
    ) -> None:
        super().__init__(backbone, ssl, task, head, rounds)
        self.reads_unlabelled = True
        encoder.bind(backbone.out_dim)
        self.encoder = encoder
        self.layers = film_layers(backbone)
        if not self.layers:
            raise ConfigError(
                f"backbone.norm: found {backbone.norm!r}, which model=cnaps can't modulate. Allowed with "
                "this model: running, batch, group, support."
            )
        self.films = nn.ModuleList(
            nn.Sequential(
                nn.Linear(encoder.size, hidden), nn.ReLU(), zero(nn.Linear(hidden, 2 * layer.channels))
            )
            for layer in self.layers
        )

    def modulate(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """The scales and shifts of this task. Called with θ in place."""
        encoding = self.encoder(read_task(self, episode, self.anchor(episode, stage), stage))
        pairs = [film(encoding.task).chunk(2) for film in self.films]
        gain, shift = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return film_overlay(dict(self.named_parameters()), self.layers, gain, shift)
