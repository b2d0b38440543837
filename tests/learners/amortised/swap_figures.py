"""Prints what another task's embedding costs, over three seeds: python -m tests.learners.amortised.swap_figures."""

from tests.learners.amortised.test_swap import (
    accuracy_told,
    cnaps,
    hsml,
    hypernet,
    mmaml,
    of_its_own,
    of_other_family,
    of_same_family,
)

if __name__ == "__main__":
    for make in (cnaps, hypernet, mmaml, hsml):
        for seed in range(3):
            learner = make(seed)
            own, same, other = (
                accuracy_told(learner, told_of) for told_of in (of_its_own, of_same_family, of_other_family)
            )
            print(f"{make.__name__} seed {seed}: own {own:.1f}, same family {same:.1f}, other {other:.1f}")
