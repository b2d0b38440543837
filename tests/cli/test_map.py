"""The map's command line: what it runs, what it leaves out, and how it goes on."""

import json
from pathlib import Path

import pytest

from metassl.cli.map import fill_map, read_options
from metassl.errors import ConfigError, UserError
from tests.conftest import TINY

WORDS = [word for word in TINY if not word.startswith("trainer.progress")]


def words(out: Path, npz: Path, cache: Path, *more: str) -> list[str]:
    return [
        f"out={out}", "models=[protonet]", "ssl=[none,soft_kmeans]", "seeds=[0]", "jobs=1", "dataset=arrays",
        f"dataset.source.path={npz}", f"paths.cache_dir={cache}", "backbone.filters=4",
        "episode.unlabelled=2", *WORDS, *more,
    ]  # fmt: skip


def test_a_map_is_filled_once_and_goes_on(tiny_npz: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "map"
    line = words(out, tiny_npz, tmp_path / "cache", "evaluation.twin=true")
    assert fill_map(line) == 0
    text = (out / "map.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| protonet"))
    none, kmeans = (
        json.loads((out / f"protonet-{s}-0/results.json").read_text()) for s in ("none", "soft_kmeans")
    )
    gain = 100 * (kmeans["accuracy"]["mean"] - none["accuracy"]["mean"])
    assert f"{100 * none['accuracy']['mean']:.1f} |" in row
    assert f"{gain:+.1f} ±" in row
    assert (out / "map.png").stat().st_size > 1000
    assert "data:image/png" in (out / "map.html").read_text()

    untouched = (out / "protonet-none-0/results.json").stat().st_mtime_ns
    (out / "protonet-soft_kmeans-0/results.json").unlink()  # as if it had been killed before its end
    capsys.readouterr()
    assert fill_map(line) == 0
    assert "2 runs, 1 done already" in capsys.readouterr().out
    assert (out / "protonet-none-0/results.json").stat().st_mtime_ns == untouched
    again = json.loads((out / "protonet-soft_kmeans-0/results.json").read_text())
    assert again["accuracy"] == kmeans["accuracy"]

    with pytest.raises(UserError, match="holds a run with the options"):
        fill_map([*line, "episode.shot=2"])


def test_a_group_in_another_place_is_not_the_map_s_own() -> None:
    """What learned_hparams wraps is a word for its runs; it once took the place of ssl=[...]."""
    options = read_options(["out=map", "ssl=[learned_hparams]", "ssl@ssl.wrapped=consistency"])
    assert options.objectives == ["learned_hparams"]
    assert options.common == ["experiment=map", "ssl@ssl.wrapped=consistency"]


def test_a_cell_that_fails_is_named(tiny_npz: Path, tmp_path: Path, capsys) -> None:
    """One class image too few: the cell fails, the others' results stay, the exit code says so."""
    out = tmp_path / "map"
    line = words(out, tiny_npz, tmp_path / "cache", "episode.test.unlabelled=30")
    assert fill_map([w.replace("[none,soft_kmeans]", "[soft_kmeans]") for w in line]) == 1
    said = capsys.readouterr().out
    assert "FAILED" in said
    assert "failed: protonet-soft_kmeans-0: " in said
    assert "images" in said.split("failed: ")[1]
    assert json.loads((out / "protonet-soft_kmeans-0/status.json").read_text())["status"] == "failed"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("models=[protonte]", "models.*protonte.*protonet"),
        ("ssl=[nonee]", "ssl.*nonee.*none"),
        ("seeds=[-1]", "seeds.*-1.*whole numbers"),
        ("jobs=0", "jobs.*0.*whole numbers"),
        ("model=maml", "models="),
        ("episode.shott=1", "episode.shott.*episode.shot"),
    ],
)
def test_a_slip_is_one_line(tmp_path: Path, wrong: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        read_options([f"out={tmp_path}", wrong])
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="out: has no default"):
        read_options(["models=[maml]"])
