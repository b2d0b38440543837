"""Wall clock of a whole soft k-means training by Ren et al. 2018: python -m benchmarks.ren2018 [steps].

20,000 steps with validations, then the meta-test on 600 episodes. Needs Omniglot (METASSL_DATA_DIR).
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.timing import save

ROOT = Path(__file__).parent.parent


def main(steps: str) -> None:
    """Prints and stores minutes and what was reached."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            "experiment=ren2018_omniglot/soft_kmeans",
            f"trainer.steps={steps}",
            "trainer.progress=false",
        ]
        began = time.perf_counter()
        subprocess.run([sys.executable, "train.py", *words, f"hydra.run.dir={folder}"], cwd=ROOT, check=True)
        minutes = (time.perf_counter() - began) / 60
        results = json.loads((Path(folder) / "results.json").read_text())
    row = {"steps": int(steps), "minutes": minutes, "accuracy": results["accuracy"], "seed": 0}
    print(row)
    if int(steps) == 20_000:
        save("ren2018", [row], "python -m benchmarks.ren2018")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "20000")
