"""Does every pair run? One training step and one test batch of each, on a tiny network: a minute or more.

    metassl smoke                              # every meta-learner with every objective
    metassl smoke models=[maml] ssl=[vat,ict]  # some of them
    metassl smoke --config-dir my_conf ssl=mine

Prints the matrix: + runs, · refused by a constructor, × broken. Exit code 1 where a pair is broken.
"""

from collections.abc import Sequence

import torch
from omegaconf import DictConfig

from metassl.cli.checking import check_words
from metassl.cli.choices import chosen, options_of
from metassl.cli.composing import compose_config
from metassl.cli.own_words import separate
from metassl.data.task_source import TaskSource
from metassl.errors import UserError
from metassl.experiments.pair_configs import compose_each, pair_config
from metassl.experiments.smoke import try_pair
from metassl.shipped import conf_folder
from metassl.training.build import build_source

TINY = (
    "backbone.filters=4", "episode.way=3", "episode.queries=2", "episode.unlabelled=2",
    "episode.distractors=1", "episode.distractor_unlabelled=2", "ssl.start=0", "ssl.ramp=0",
)  # fmt: skip


def smoke(arguments: list[str]) -> int:
    """Tries the pairs, prints the matrix and the reasons; the exit code, 1 where a pair is broken."""
    conf = conf_folder()
    own, others = separate(arguments, ("models", "ssl"))
    words = [*TINY, *others]
    models = chosen("models", own.get("models"), options_of("model", conf, others))
    objectives = chosen("ssl", own.get("ssl"), options_of("ssl", conf, others))
    config = compose_config(words, conf)
    check_words(config, words)
    source = build_source(config)
    torch.set_num_threads(1)
    said: list[str] = []
    broken = False
    width = max(map(len, models))
    print(head(objectives, width), flush=True)
    terms = compose_each(conf, "ssl", objectives, words)
    for model, base in compose_each(conf, "model", models, words).items():
        marks = []
        for ssl, term in terms.items():
            mark, line = _mark(model, ssl, pair_config(base, term), source)
            marks.append(mark)
            said += [f"{model} × {ssl}: {line}"] if line else []
        print(f"{model:<{width}} " + " ".join(marks), flush=True)
        broken |= "×" in marks
    print("\n".join(said))
    return int(broken)


def head(objectives: Sequence[str], width: int) -> str:
    """The columns' names, upright above their marks."""
    height = max(map(len, objectives))
    upright = (" ".join(name.rjust(height)[row] for name in objectives) for row in range(height))
    return "\n".join(" " * (width + 1) + line for line in upright)


def _mark(model: str, ssl: str, config: DictConfig, source: TaskSource) -> tuple[str, str | None]:
    try:
        outcome = try_pair(model, ssl, config, source)
    except UserError as error:
        return "×", str(error)
    except Exception as error:  # the matrix is for finding these
        return "×", f"{type(error).__name__}: {error}".splitlines()[0]
    return ("·", outcome.refused) if outcome.refused else ("+", None)
