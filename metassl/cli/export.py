"""Write the learner of a run as a model that can be sent to others: config.json and model.safetensors.

    metassl export run=outputs/<when> to=model/
    metassl export run=outputs/<when> to=model/ half=true  # 16 bits for each weight, half the size

The folder is read by MetaClassifier.load and `metassl label model=…`, without the data of the training,
without configs and without Lightning. In it are what the learner is built of, its weights with the best
validation, what the inputs of its training were like, and the results of the run. Where features= made
vectors of its pictures, the network that did is a third file, encoder.safetensors. Nothing is written over.

run=outputs/<when>/checkpoints/last.ckpt takes the weights of one checkpoint.
Exit code 2 and one line on stderr for what can't be.
"""

from pathlib import Path

from metassl.cli.folders import writable
from metassl.cli.own_words import separate
from metassl.errors import ConfigError, one_of
from metassl.library.saved_models import read_saved
from metassl.runs.file_names import ENCODER
from metassl.trained.folder import WEIGHTS, write_model
from metassl.training.process import silence_hints

OWN = ("run", "to", "half")


def export(arguments: list[str]) -> int:
    """Writes the model that the words name; the exit code. Raises UserError."""
    silence_hints()
    own, others = separate(arguments, OWN)
    if others:
        raise ConfigError(one_of("export", others[0].partition("=")[0], OWN))
    for key, example in (("run", "outputs/<when>"), ("to", "model/")):
        if own.get(key) in (None, ""):
            raise ConfigError(f"{key}: has no default, give it as {key}={example}")
    half = own.get("half", False)
    if not isinstance(half, bool):
        raise ConfigError(f"half: found {half!r}, allowed is true or false.")
    model = read_saved(str(own["run"]))
    model.learner()  # what can't be built is not sent to anybody
    to = Path(str(own["to"]))
    writable(f"to={to}", to.absolute().parent)
    write_model(model, to, half)
    count = sum(value.numel() for value in model.weights.values())
    size = (to / WEIGHTS).stat().st_size
    print(f"{to}: {count:,} numbers, {size / 1e6:.2f} MB; for {model.facts.sentence()}")
    if model.encoder is not None:
        size = (to / ENCODER).stat().st_size
        print(f"{to / ENCODER}: the weights of {model.encoder.title}, {size / 1e6:.2f} MB")
    return 0
