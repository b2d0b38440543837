"""Writes the report of a search: Markdown, one HTML page with Optuna's plots in it, and a picture."""

from functools import partial
from pathlib import Path

import optuna

from metassl.files import write_atomically
from metassl.reports.blocks import Block, Heading, Lines, Paragraph, Picture
from metassl.reports.pages import html_page, markdown_page
from metassl.search.record import SearchRecord, read_record_file
from metassl.search.report import tables
from metassl.search.report.facts import SearchFacts, read_facts
from metassl.search.report.picture import draw_search
from metassl.search.report.plots import figures, importances, with_plots
from metassl.search.storage import FILE, storage_faults
from metassl.search.study import find_study

PAGE, TEXT, PICTURE = "report.html", "report.md", "search.png"


def report_search(out: Path) -> tuple[str, list[Path]]:
    """As `write_search_report`, of a search whose study is found by its folder. Raises DataError."""
    record = read_record_file(out)
    study, _ = find_study(record.place(out), record.study)
    return write_search_report(out, study, record)


def write_search_report(out: Path, study: optuna.Study, record: SearchRecord) -> tuple[str, list[Path]]:
    """Writes report.md, report.html and search.png into the folder; the Markdown and the paths."""
    with storage_faults(record.place(out)):
        facts = read_facts(out, study, record)
        plots = figures(study, f"validation {facts.score.title}") if facts.best else {}
    blocks = _blocks(facts)
    paths = [out / TEXT, out / PAGE]
    pictures: list[Block] = []
    if facts.best:
        draw_search(facts, out / PICTURE)
        pictures = [Picture("Validation score of each trial, over time and over each key", PICTURE)]
        paths.append(out / PICTURE)
    text = markdown_page([*blocks, *pictures])
    page = html_page(_title(facts), blocks, out)
    page = with_plots(page, plots) if plots else page
    for path, content in zip(paths, (text, page), strict=False):
        write_atomically(path, partial(Path.write_text, data=content, encoding="utf-8"))
    return text, paths


def _blocks(facts: SearchFacts) -> list[Block]:
    blocks: list[Block] = [Heading(_title(facts), 1), tables.summary(facts)]
    blocks += [Heading("Chosen"), *tables.chosen_values(facts)]
    if facts.best is None:
        return [*blocks, Heading("Trials"), *tables.best_trials(facts)]
    blocks += [Heading("On test classes"), *tables.final_table(facts)]
    blocks += [Heading("To train the choice"), Lines(facts.command)]
    found = tables.importances(facts, list(importances(facts.study).items()))
    blocks += [*([Heading("What mattered"), *found] if found else [])]
    blocks += [Heading("Best trials"), *tables.best_trials(facts)]
    return [*blocks, Heading("Words of all trials"), Lines(" ".join(facts.record.words)), _storage(facts)]


def _title(facts: SearchFacts) -> str:
    pair = " ".join(word for word in facts.record.words if word.startswith(("model=", "ssl=")))
    return f"Search: {pair or 'the default pair'}"


def _storage(facts: SearchFacts) -> Paragraph:
    record = facts.record
    return Paragraph(f"Study '{record.study}' in {record.storage or FILE}.")
