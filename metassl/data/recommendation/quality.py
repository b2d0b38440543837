"""How much an item is liked by those who rated it in training.

Legend: n ratings, P users (people), I items.
"""

from dataclasses import dataclass

import numpy as np

from metassl.data.recommendation.parsed import Floats, Ints

USERS, ITEMS = 15.0, 10.0  # ratings that a user and an item are shrunk by, as in Surprise's baseline
SWEEPS = 10
LOG_COUNT = 4.0  # unit of the logarithm of how many have rated


@dataclass(frozen=True)
class Quality:
    """Tells how much an item is liked as a whole: b_i = Σ_u (r_ui - m - b_u) / (n_i + 10).

    m is the mean of all, b_u = Σ_i (r_ui - m - b_i) / (n_u + 15) how a user differs; both found by turns.
    Source: Koren 2010, section 2.1, with the shrinkage of Surprise's `BaselineOnly`.

    What a user has given to an item is left out of what that user's own tasks see of it: else training would
    find the answer to its query in the query.

    Attributes:
        mean: m.
        total, count: [I] Σ_u (r_ui - m - b_u), and n_i.
        own: [n] r_ui - m - b_u of each rating, 0 where training doesn't see it.
        seen: [n] 1 or 0: whether it does.
    """

    mean: float
    total: Floats
    count: Floats
    own: Floats
    seen: Floats

    def of(self, items: Ints, own: Floats, seen: Floats) -> Floats:
        """[k, 2] b_i and log(1 + n_i)/4 of items [k], without ratings `own` [k], where `seen` [k] is 1."""
        count = self.count[items] - seen
        return np.stack([(self.total[items] - own) / (count + ITEMS), np.log1p(count) / LOG_COUNT], axis=1)


def fit_quality(user: Ints, item: Ints, value: Floats, seen: np.ndarray, items: int) -> Quality:
    """From the ratings that training sees: user, item, value and seen are [n]."""
    u, i, r = user[seen], item[seen], value[seen]
    mean = float(r.mean()) if len(r) else 0.0
    users = int(user.max()) + 1
    n_user = np.bincount(u, minlength=users)
    n_item = np.bincount(i, minlength=items).astype(np.float64)
    of_user, of_item = np.zeros(users), np.zeros(items)
    for _ in range(SWEEPS):
        of_user = np.bincount(u, r - mean - of_item[i], users) / (n_user + USERS)
        of_item = np.bincount(i, r - mean - of_user[u], items) / (n_item + ITEMS)
    own = np.where(seen, value - mean - of_user[user], 0.0)
    total = np.bincount(item, own, items).astype(np.float64)
    return Quality(mean, total, n_item, own, seen.astype(np.float64))
