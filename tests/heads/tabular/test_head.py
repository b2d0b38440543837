"""The head for tables: what its network adds to plain classifiers, and what it doesn't depend on."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from metassl.errors import ConfigError, UserError
from metassl.heads.tabular.answered import asked, plain_answers
from metassl.heads.tabular.head import TabularInContext
from metassl.weights_file import read_weights, write_weights
from tests.heads.tabular.test_answers import WAY, D, labelled
from tests.support.numbers import random

QUERIES = random(6, D, seed=3)


def head(seed: int = 0) -> TabularInContext:
    """All its weights random, the last layers too, as after training."""
    torch.manual_seed(seed)
    made = TabularInContext(8, 2, 1, 8, 4).double()
    for p in made.parameters():
        torch.nn.init.normal_(p, 0, 0.3)
    return made


def test_an_untrained_head_is_the_mean_of_the_plain_classifiers_and_the_shift() -> None:
    untrained = TabularInContext(8, 2, 1, 8, 4).double()
    state = untrained.fit(*labelled())
    each = asked(plain_answers(), state.answers, state.rows.place(QUERIES)).softmax(1)
    weights = [1 / answer.count for answer in plain_answers() for _ in range(answer.count)]
    shares = torch.tensor([*weights, 0.1], dtype=torch.double)  # the last, of frequencies, weighs a tenth
    mean = (each * shares / shares.sum()).sum(-1) * state.shift.exp()
    torch.testing.assert_close(
        untrained.logits(state, QUERIES).softmax(-1), mean / mean.sum(-1, keepdim=True), rtol=1e-6, atol=1e-6
    )


def test_order_and_number_of_columns_are_of_no_influence() -> None:
    (z, q, w), made = labelled(), head()
    order = torch.tensor([3, 0, 4, 1, 2])
    more, wide = (torch.cat((x[:, order], torch.full_like(x[:, :2], 7)), dim=1) for x in (z, QUERIES))
    found = made.logits(made.fit(more, q, w), wide)
    torch.testing.assert_close(found, made.logits(made.fit(z, q, w), QUERIES), rtol=1e-6, atol=1e-6)


def test_units_of_the_table_are_of_no_influence() -> None:
    (z, q, w), made = labelled(), head()
    expected = made.logits(made.fit(z, q, w), QUERIES).softmax(-1)
    moved = made.logits(made.fit(z + 5, q, w), QUERIES + 5).softmax(-1)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-4)


def test_labels_and_unlabelled_rows_are_read() -> None:
    (z, q, w), made = labelled(), head()
    expected = made.logits(made.fit(z, q, w), QUERIES).softmax(-1)
    others = torch.cat((z[:24], z[24:] + random(12, D, seed=5)))
    for z2, q2 in ((others, q), (z, q.roll(1, 0) * q.sum(-1, keepdim=True))):
        assert (made.logits(made.fit(z2, q2, w), QUERIES).softmax(-1) - expected).abs().max() > 1e-3


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    made, file = head(), tmp_path / "model.safetensors"
    write_weights(file, made.state_dict(), {"seed": 0})
    again = TabularInContext(8, 2, 1, 8, 4, pretrained=str(file)).double()
    found, expected = (each.logits(each.fit(*labelled()), QUERIES).softmax(-1) for each in (again, made))
    assert 0 < (found - expected).abs().max() < 1e-2  # in 16 bits
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("content", "size", "words"),
    [
        (None, 8, "found 'nothing"),
        (b"\x80\x04pickled", 8, "no whole file of safetensors"),
        (b"", 8, "no whole file of safetensors"),
        ("cut", 8, "no whole file of safetensors"),
        ("whole", 12, "of another size: "),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, content: bytes | str | None, size: int, words: str) -> None:
    file = tmp_path / ("nothing" if content is None else "model.safetensors")
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        write_weights(file, head().state_dict(), {})
        if content == "cut":
            file.write_bytes(file.read_bytes()[:-100])
    given = "nothing" if content is None else str(file)
    with pytest.raises(UserError, match=r"model\.head\.pretrained: ") as error:
        TabularInContext(size, 2, 1, 8, 4, pretrained=given)
    assert words in str(error.value)


def test_a_file_keeps_what_it_was_trained_on(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    write_weights(file, {"a": torch.ones(2)}, {"seed": 3})
    assert read_weights(file, "key")["a"].dtype == torch.float32
    with safe_open(file, "pt") as opened:
        assert opened.metadata() == {"seed": "3"}


def test_heads_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="found 3, allowed are divisors"):
        TabularInContext(8, 3)


def test_no_weight_belongs_to_a_class() -> None:
    (z, q, w), made, names = labelled(), head(), torch.tensor([2, 0, 1])
    assert q.shape[1] == WAY
    found = made.logits(made.fit(z, q[:, names], w), QUERIES)
    torch.testing.assert_close(found, made.logits(made.fit(z, q, w), QUERIES)[:, names], rtol=1e-8, atol=1e-8)
