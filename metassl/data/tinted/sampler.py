"""Draws a family, then a task of it: which rule holds is to be seen in the unlabelled pictures alone.

Legend: T tasks, A attributes, F families, N way, H distractor classes, n pictures, S support, Q query,
U unlabelled, K shot, L levels of an attribute in the split, D drawings of a letter.
"""

from collections.abc import Callable, Sequence

import numpy as np

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers, below, pick_distinct
from metassl.data.spec import EpisodeSpec
from metassl.data.tinted.levels import Levels, without_replacement
from metassl.data.tinted.places import Part, Places

# Each thing that is random has a lane of its own; Places has those before, Levels those from OF_LEVELS on.
FAMILY, DRAWINGS, DISTRACTOR_DRAWINGS = range(5, 8)
OF_LEVELS, LANES = 16, 16
SUPPORT, QUERY, UNLABELLED, OUTER, DISTRACTORS = range(5)
LOOK = 8  # of the looks of SUPPORT and so on, after theirs
LOOKS = 2  # random numbers of a picture for an attribute

Paint = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(levels [A, n] within each attribute, drawings [n], [A, n, LOOKS] numbers in [0, 1)) -> [n, H, W, 3]"""


class FamilySampler:
    """Draws tasks of several families on the same kind of pictures, each family as likely.

    A family is an attribute whose levels are the classes. Every other attribute says nothing of the class: in
    S no level of it comes again before all have come, in U and Q it is drawn freely. So a 1-shot support is
    the same whichever family its task is of.

    Args:
        attributes: A, each with its levels in the split.
        families: places of those that tasks are told apart by.
        numbers: [F] number of each family in the whole source.
        drawings: D.
        paint: makes the pictures.
        spec: the make-up of an episode.
        seed: of the episodes.
        split: train, val or test.
        outer: whether each episode needs a second set of unlabelled pictures.
    """

    def __init__(
        self,
        attributes: Sequence[Levels],
        families: Sequence[int],
        numbers: Sequence[int],
        drawings: int,
        paint: Paint,
        spec: EpisodeSpec,
        seed: int,
        split: str,
        outer: bool,
    ) -> None:
        self.attributes, self.families, self.numbers = attributes, np.asarray(families), np.asarray(numbers)
        self.drawings, self.paint, self.spec = drawings, paint, spec
        self.seed, self.split = seed, split
        self.places = Places(spec, 2 if outer else 1)
        # number of the first class of each attribute among the classes of the split
        sizes = [len(levels) if k in families else 0 for k, levels in enumerate(attributes)]
        self._first_class = np.cumsum([0, *sizes[:-1]])

    @property
    def padded(self) -> bool:
        """Whether episodes differ in way or shot, so that some places are padding."""
        return self.spec.padded

    @property
    def count(self) -> int:
        """0: each draw brings its own pictures."""
        return 0

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers; rows are of its own items, episode after episode."""
        numbers = RandomNumbers(self.seed, self.split, episodes)
        family = below(numbers.uniform(FAMILY, 1)[:, 0], len(self.families))
        rule = self.families[family]
        way, shot = self.places.sizes(numbers)
        present = np.arange(self.spec.way.high) < way[:, None]
        support, query = self.places.support(present, shot), self.places.query(present, numbers)
        unlabelled, outer = self.places.unlabelled(present, numbers)
        classes = self._classes(numbers, rule)
        parts = [support, query, unlabelled, outer]
        free = [self._in_support(numbers, support)]
        free += [self._free(numbers, lane, part.slot.shape[1]) for lane, part in enumerate(parts[1:], QUERY)]
        items = self._pictures(parts, free, rule, classes, numbers)
        each = sum(part.slot.shape[1] for part in parts)
        rows = np.arange(len(episodes) * each).reshape(len(episodes), each)
        places = np.split(rows, np.cumsum([part.slot.shape[1] for part in parts])[:-1], axis=1)
        columns = [(row, part.label, part.weight) for row, part in zip(places, parts, strict=True)]
        if self.spec.transductive:
            columns[2] = columns[1]
            columns[3] = columns[1] if self.places.sets == 2 else columns[3]
        of_task = classes[:, : self.spec.way.high]
        return Draw(
            *columns[0], *columns[1], *columns[2], *columns[3],
            distractor=(columns[2][1] < 0) & columns[2][2],
            class_mask=present,
            class_ids=self._ids(of_task, rule),
            classes=self._base_classes(of_task, rule),
            generators=numbers,
            items=items,
            family=self.numbers[family],
        )  # fmt: skip

    def _in_support(self, numbers: RandomNumbers, support: Part) -> np.ndarray:
        """[A, T, S] levels, by number in the split, that S has of attributes that aren't the rule."""
        n, shot = self.spec.way.high, self.spec.shot.high
        each = np.arange(len(numbers))[:, None]
        drawn = [
            without_replacement(numbers.uniform(levels.lane + SUPPORT, shot * n), len(levels))
            for levels in self.attributes
        ]
        # shot after shot, so that the first of each class are all different, as the classes are
        return np.stack([x[each, support.rank * n + support.slot] for x in drawn])

    def _free(self, numbers: RandomNumbers, lane: int, count: int) -> np.ndarray:
        """[A, T, count] levels that other pictures have of attributes that aren't the rule."""
        return np.stack([
            below(numbers.uniform(levels.lane + lane, count), len(levels)) for levels in self.attributes
        ])  # fmt: skip

    def _classes(self, numbers: RandomNumbers, rule: np.ndarray) -> np.ndarray:
        """[T, N + H] levels of the rule's attribute: the classes, as in `_in_support`, then distractors."""
        n, away = self.spec.way.high, self.spec.distractors
        classes = np.zeros((len(rule), n + away), np.int64)
        for k in self.families:
            levels = self.attributes[k]
            u = numbers.uniform(levels.lane + SUPPORT, self.spec.shot.high * n)[:, :n]
            more = numbers.uniform(levels.lane + DISTRACTORS, away)
            own = pick_distinct(np.concatenate((u, more), axis=1), len(levels))
            classes[rule == k] = own[rule == k]
        return classes

    def _drawings(self, numbers: RandomNumbers) -> np.ndarray:
        """[T, N + H, D] the order in which the pictures of a class take the drawings of a letter."""
        n, away, d = self.spec.way.high, self.spec.distractors, self.drawings
        u = numbers.uniform(DRAWINGS, n * d), numbers.uniform(DISTRACTOR_DRAWINGS, away * d)
        return np.concatenate(u, axis=1).reshape(-1, n + away, d).argsort(axis=2)

    def _pictures(
        self,
        parts: Sequence[Part],
        free: Sequence[np.ndarray],
        rule: np.ndarray,
        classes: np.ndarray,
        numbers: RandomNumbers,
    ) -> np.ndarray:
        """[T·n, H, W, 3] pictures of all parts, task after task; free [A, T, n] levels where no rule says."""
        each = np.arange(len(rule))[:, None]
        slot, rank = (np.concatenate(a, axis=1) for a in zip(*((p.slot, p.rank) for p in parts), strict=True))
        seen, looks = [], []
        for k, (levels, own) in enumerate(zip(self.attributes, np.concatenate(free, axis=2), strict=True)):
            level = np.where((rule == k)[:, None], classes[each, slot], own)
            seen.append(levels.ids[level].ravel())
            look = [
                numbers.uniform(levels.lane + LOOK + lane, LOOKS * part.slot.shape[1])
                for lane, part in enumerate(parts)
            ]
            looks.append(np.concatenate(look, axis=1).reshape(-1, LOOKS))
        drawing = self._drawings(numbers)[each, slot, rank % self.drawings].ravel()
        return self.paint(np.stack(seen), drawing, np.stack(looks))

    def _base_classes(self, classes: np.ndarray, rule: np.ndarray) -> np.ndarray:
        """[T, N] number of each class among those of all families; beyond training, where it would only tell
        the family, its place in the task."""
        if self.split != "train":
            return np.broadcast_to(np.arange(classes.shape[1]), classes.shape).copy()
        return classes + self._first_class[rule][:, None]

    def _ids(self, classes: np.ndarray, rule: np.ndarray) -> np.ndarray:
        """[T, N] number of each class among the levels of all attributes of the source."""
        ids = np.zeros_like(classes)
        for k in self.families:
            levels = self.attributes[k]
            ids[rule == k] = levels.first + levels.ids[classes[rule == k]]
        return ids
