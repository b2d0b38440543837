"""What the numbers of a suite depend on."""

from metassl.reports.markdown import distinct, one_line
from metassl.reports.suites.records import Record, Records

TEST_FACTS = {"split": "split", "test episodes": "episodes"}
CLASS_FACTS = {
    "way": "way", "shot": "shot", "queries a class": "queries", "unlabelled a class (M)": "unlabelled",
    "distractor classes": "distractors", "share of labels in training": "label_ratio",
}  # fmt: skip
OTHER_FACTS = {"tasks of": "make_up"}  # without classes
RUN_FACTS = {
    "norm": "norm", "transductive": "transductive", "steps": "steps", "tasks a step": "tasks",
    "precision": "precision", "hardware": "hardware", "python": "python",
}  # fmt: skip


def protocol(records: Records) -> str:
    """What the runs had, a line each; the distinct values where they differ."""
    cells = [cell for found in records.values() for cell in found.values()]
    made = OTHER_FACTS if cells and all("way" not in cell for cell in cells) else CLASS_FACTS
    facts = TEST_FACTS | made | RUN_FACTS
    lines = [f"{name}: {distinct(cell.get(key) for cell in cells)}" for name, key in facts.items()]
    packages = distinct(", ".join(f"{k} {v}" for k, v in cell["packages"].items()) for cell in cells)
    commits = distinct(_commit(cell) for cell in cells)
    minutes = sorted(cell["training_seconds"] / 60 for cell in cells)
    if minutes:
        lines.append(f"minutes of a training: {minutes[0]:.0f} to {minutes[-1]:.0f}")
    return "\n".join(map(one_line, [*lines, f"packages: {packages}", f"commits: {commits}"]))


def _commit(cell: Record) -> str:
    return (
        f"{str(cell['commit'].get('revision'))[:7]}{' with changes' if cell['commit'].get('dirty') else ''}"
    )
