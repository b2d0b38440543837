"""Fill the map of pairs: every meta-learner with every SSL objective, the same small budget for each.

    python scripts/map.py out=outputs/map                                       # the whole map
    python scripts/map.py out=outputs/map models=[maml,protonet] ssl=[none,vat] seeds=[0,1] jobs=2
    python scripts/map.py out=outputs/map episode.distractors=3                 # any of train.py's options

Cells that are done are not run again, and a killed sweep goes on where it was: type the same command.
Writes map.md and map.png, the accuracies and the gains over ssl=none on the same episodes, into `out`.
Exit code 1 where a cell failed, 2 for a user's mistake, 130 when stopped by hand.
"""

import sys
from functools import partial
from pathlib import Path

from metassl.cli.command import run_command
from metassl.cli.map import fill_map

if __name__ == "__main__":
    sys.exit(run_command(partial(fill_map, conf=Path(__file__).resolve().parent.parent / "conf")))
