"""Episodes a second from memory into a ready meta-batch of 32: python -m benchmarks.episodes.

5-way 1-shot with 15 queries a class, from arrays in memory, against easyfsl's sampler in torch's loader on
the same arrays, and against the same loader on PNG files, all with one thread for torch. With U (14 queries,
5 images of each class and of each of 5 distractor classes) ours alone: easyfsl draws none.
"""

from benchmarks.peers import episodes
from benchmarks.timing import Contender, race, ratios, save

ROUNDS = 15


def main() -> None:
    """Prints and stores a row for each."""
    contenders = [
        Contender("easyfsl, arrays", episodes.with_easyfsl),
        Contender("easyfsl, PNG files", episodes.from_files),
        Contender("metassl", episodes.ours, (False,)),
        Contender("metassl with U", episodes.ours, (True,)),
    ]
    found = race(contenders, ROUNDS, warmup=3)
    rows = []
    for name, outcome in found.items():
        rate, r = episodes.TASKS * episodes.BATCHES / outcome.median, ratios(outcome, found["metassl"])
        rows.append({"name": name, "episodes_per_second": rate, "ours_times": r})
        print(f"{name}: {rate:,.0f} episodes/s; metassl without U is {r['median']:.1f} times as fast "
              f"({r['min']:.1f} to {r['max']:.1f})")  # fmt: skip
    save("episodes", rows, "python -m benchmarks.episodes")


if __name__ == "__main__":
    main()
