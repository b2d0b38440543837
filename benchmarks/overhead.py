"""A step of the Lightning module against a bare loop: python -m benchmarks.overhead.

In the setting of Ren et al. 2018. Needs Omniglot (METASSL_DATA_DIR).
"""

from benchmarks.peers import ren2018
from benchmarks.timing import Contender, race, ratios, save

ROUNDS = 15


def main() -> None:
    """Prints and stores milliseconds a step and the overhead."""
    contenders = [
        Contender("bare PyTorch loop", ren2018.bare_loop),
        Contender("metassl", ren2018.lightning),
    ]
    found = race(contenders, ROUNDS, warmup=2)
    ratio = ratios(found["metassl"], found["bare PyTorch loop"])
    rows = [{"name": n, "ms_a_step": 1000 * o.median / ren2018.STEPS} for n, o in found.items()]
    rows.append({"name": "metassl / bare", "ratio": ratio})
    for row in rows:
        print(row)
    save("overhead", rows, "python -m benchmarks.overhead")


if __name__ == "__main__":
    main()
