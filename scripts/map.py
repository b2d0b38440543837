"""Fill the map of pairs: every meta-learner with every SSL objective, the same small budget for each.

    python scripts/map.py out=outputs/map                                       # the whole map
    python scripts/map.py out=outputs/map models=[maml,protonet] ssl=[none,vat] seeds=[0,1] jobs=2
    python scripts/map.py out=outputs/map episode.distractors=3                 # any of train.py's options

Cells that are done are not run again, and a killed sweep goes on where it was: type the same command.
Writes map.md and map.png, the accuracies and the gains over ssl=none on the same episodes, into `out`.
Exit code 1 where a cell failed, 2 for a user's mistake, 130 when stopped by hand.
"""

import sys
from pathlib import Path

from metassl.cli.map import fill_map
from metassl.errors import UserError


def main() -> int:
    """Run the command line."""
    try:
        return fill_map(sys.argv[1:], Path(__file__).parent.parent / "conf")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("error: stopped by hand; the same command goes on where it was", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
