"""Write the learner of a run as a model that can be sent to others: config.json and model.safetensors.

    metassl export run=outputs/<when> to=model/
    metassl export run=outputs/<when> to=model/ half=true  # 16 bits for each weight, half the size
    metassl export run=outputs/<when> to=model/ onnx=true  # and embedding.onnx (pip install 'metassl[onnx]')

The folder is read by MetaClassifier.load and `metassl label model=…`, without the data of the training,
without configs and without Lightning. In it are what the learner is built of, its weights with the best
validation, what the inputs of its training were like, and the results of the run. Where features= made
vectors of its pictures, the network that did is a third file, encoder.safetensors. Nothing is written over.

embedding.onnx turns pictures [B, C, H, W], float32 from 0 to 255 and of the model's size, into features
[B, D], as MetaClassifier.embed does: what is done to their range, mean and size is in it, and the parameters
are those before any adaptation to a task. Norms by the batch or the support, by which features of a picture
depend on others, are refused. half=true leaves it at 32 bits.

run=outputs/<when>/checkpoints/last.ckpt takes the weights of one checkpoint.
Exit code 2 and one line on stderr for what can't be.
"""

import sys
from pathlib import Path
from typing import Any

from metassl.cli.folders import writable
from metassl.cli.own_words import separate
from metassl.errors import ConfigError, one_of
from metassl.library.saved_models import read_saved
from metassl.runs.file_names import ENCODER
from metassl.trained.folder import ONNX, WEIGHTS, write_model
from metassl.trained.onnx_file import embedding_graph
from metassl.training.process import silence_hints

ADAPTS = "this model may change its network for a task; embedding.onnx has it as it is before that."
OWN = ("run", "to", "half", "onnx")


def export(arguments: list[str]) -> int:
    """Writes the model that the words name; the exit code. Raises UserError."""
    silence_hints()
    own, others = separate(arguments, OWN)
    if others:
        raise ConfigError(one_of("export", others[0].partition("=")[0], OWN))
    for key, example in (("run", "outputs/<when>"), ("to", "model/")):
        if own.get(key) in (None, ""):
            raise ConfigError(f"{key}: has no default, give it as {key}={example}")
    half, onnx = (_switch(own, key) for key in ("half", "onnx"))
    model = read_saved(str(own["run"]))
    model.learner()  # what can't be built is not sent to anybody
    to = Path(str(own["to"]))
    writable(f"to={to}", to.absolute().parent)
    graph = embedding_graph(model) if onnx else None
    write_model(model, to, half, graph)
    count = sum(value.numel() for value in model.weights.values())
    size = (to / WEIGHTS).stat().st_size
    print(f"{to}: {count:,} numbers, {size / 1e6:.2f} MB; for {model.facts.sentence()}")
    if model.encoder is not None:
        size = (to / ENCODER).stat().st_size
        print(f"{to / ENCODER}: the weights of {model.encoder.title}, {size / 1e6:.2f} MB")
    if graph is not None:
        print(f"{to / ONNX}: {graph.sentence()}, {len(graph.content) / 1e6:.2f} MB")
        if graph.adapts:
            print(f"note: {ADAPTS}", file=sys.stderr)
    return 0


def _switch(own: dict[str, Any], key: str) -> bool:
    value = own.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{key}: found {value!r}, allowed is true or false.")
    return value
