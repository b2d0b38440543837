"""Makes a model that comes with the package of a run's best weights.

    python scripts/ship.py outputs/<when> metassl/models/tables/model.safetensors

Writes the head's weights as float16, and with them what they were trained on. The model card beside it,
README.md, is written by hand.
"""

import sys
from pathlib import Path

from metassl.checkpoint_file import read_checkpoint
from metassl.errors import UserError
from metassl.files import read_json
from metassl.weights_file import write_weights

HEAD = "learner.head."


def main(run: Path, to: Path) -> None:
    """Writes the file."""
    state = read_checkpoint(run / "checkpoints" / "best.ckpt")["state_dict"]
    weights = {name.removeprefix(HEAD): value for name, value in state.items() if name.startswith(HEAD)}
    made = read_json(run / "run.json")
    about = {name: made[name] for name in ("choices", "overrides", "seed", "git", "packages")}
    to.parent.mkdir(parents=True, exist_ok=True)
    write_weights(to, weights, about)
    print(f"{to}: {sum(value.numel() for value in weights.values()):,} numbers, {to.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(str(__doc__))
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        sys.exit(f"error: {error}")
