"""Records the numbers anew: python -m tests.golden.record [name ...]. Only where a change of them is meant."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.golden.cases import CASES
from tests.golden.measure import measure

FILE = Path(__file__).parent / "recorded.json"


def tiny(folder: Path) -> list[str]:
    """40 classes of 20 images, 16×16×1, as words of a command line."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 256, (40, 1, 16, 16, 1))
    images = np.clip(patterns + rng.normal(0, 40, (40, 20, 16, 16, 1)), 0, 255)
    path = folder / "tiny.npz"
    np.savez(path, images=images.astype(np.uint8).reshape(-1, 16, 16, 1), labels=np.repeat(np.arange(40), 20))
    return ["dataset=arrays", f"dataset.source.path={path}", f"paths.cache_dir={folder / 'cache'}"]


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(CASES)
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        data = tiny(Path(folder))
        for name in wanted:
            kept[name] = measure(CASES[name], data)
            print(f"{name}: {kept[name]['loss']} {kept[name]['hash']}", flush=True)
    FILE.write_text(json.dumps({name: kept[name] for name in CASES if name in kept}, indent=1) + "\n")
