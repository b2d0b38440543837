"""MovieLens, the published sets of film ratings."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from metassl.data.pool import Contents, Source
from metassl.data.recommendation.content import as_numbers
from metassl.data.recommendation.division import NewItems
from metassl.data.recommendation.editions import EDITIONS, edition_of
from metassl.data.recommendation.options import RatingOptions
from metassl.data.recommendation.parsed import from_contents
from metassl.data.recommendation.places import Place, places_in
from metassl.data.task_source import TaskSource
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Positive, Ratio, Seed, Switch, Whole

VERSION = 1


class StoredRatings:
    """The files of one edition, for the store, so that they are read once.

    Args:
        edition: its name.
        place: the folder or zip that they are in.
    """

    name = "movielens"

    def __init__(self, edition: str, place: Place) -> None:
        self.edition, self.place = edition, place

    def fingerprint(self) -> Mapping[str, Any]:
        """The files; what is made of them is made anew for each run."""
        files = EDITIONS[self.edition].present(self.place)
        return {"version": VERSION, "edition": self.edition, "files": self.place.fingerprint(files)}

    def read(self) -> Contents:
        """Raises DataError that names file and line."""
        return EDITIONS[self.edition].read(self.place).contents(f"'{self.place.path}'")


class MovieLens:
    """Draws tasks from film ratings, each task a user: some films that the user has rated, others unrated.

    The published files of latest-small, 100K or 1M are read as they are, from a folder or a zip. An input is
    what is known of the film (genres, year) and, in 100K and 1M, of the user (gender, age, occupation). Users
    are divided into training, validation and test, films into known and new ones; training sees nothing but
    its own users' ratings of known films, less a share that is held out of each.

    Source: Harper & Konstan 2015. The four cells of known and new users and items are those of Lee et al.
    2019 (MeLU), section 4.1.

    Differs from MeLU: neither directors nor actors, which MovieLens does not have; where items are new, rated
    items are still known ones, while MeLU's are new; known users are asked for ratings that were held out.

    Args:
        data_dir: holds the folder movielens, with the files or with their folders or zips.
        path: another folder of that kind, or a zip; None: that of data_dir.
        edition: latest_small, 100k or 1m; None: what is found there.
        tags: latest_small: marks of so many of the most frequent tags of training users.
        item_mean: two more numbers of an input: how much training users like the film beyond what they like
            on average, shrunk, and a logarithm of how many have rated it; a user's own ratings are left out.
        like: tasks ask whether a film is rated so or better (outcome=classification), and users without both
            kinds are left out; None: they ask for the rating.
        new_items: films are new by chance (share) or by their year of release (year).
        new_share: how many are new.
        held_out: share of the ratings of each training user that is kept from training.
        ratio: shares of the users for training, validation and test.
        seed: of these divisions.
        fold: folds 0, 1, … have different test users, by the same seed.

    Raises:
        DataError: the files are not there, or a line of them can't be.
        ConfigError: shares that can't be.
    """

    @checked("dataset.source")
    def __init__(
        self,
        data_dir: str | Path,
        path: str | Path | None = None,
        edition: Literal["latest_small", "100k", "1m"] | None = None,
        tags: Whole = 0,
        item_mean: Switch = True,
        like: Positive | None = None,
        new_items: NewItems = "share",
        new_share: BelowOne = 0.2,
        held_out: BelowOne = 0.2,
        ratio: Ratio = (0.8, 0.1, 0.1),
        seed: Seed = 0,
        fold: Whole = 0,
    ) -> None:
        self.path = Path(data_dir) / "movielens" if path is None else Path(path)
        self.edition = edition
        self.options = RatingOptions(ratio, seed, fold, new_items, new_share, held_out, item_mean, like, tags)

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        edition, place = edition_of(places_in(self.path), self.edition, str(self.path))
        parsed = from_contents(load(StoredRatings(edition, place)))
        return self.options.tasks(as_numbers(parsed), f"MovieLens {edition}")
