"""Letters in several looks."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from metassl.data.domains.glyphs import DOMAINS, LETTERS, GlyphDomains, look_of
from metassl.data.images.glyphs import DRAWINGS
from metassl.data.pool import Contents
from metassl.data.preparing.checks import check
from metassl.errors import ConfigError


@pytest.fixture(scope="module")
def glyphs() -> Contents:
    return GlyphDomains(size=14).read()


def of(contents: Contents, domain: str) -> np.ndarray:
    """[n, size²] of a domain, letter after letter."""
    k, each = contents.meta["domains"].index(domain), len(LETTERS) * DRAWINGS
    return contents.items[k * each : (k + 1) * each].reshape(each, -1).astype(float)


def test_every_domain_has_every_letter(glyphs: Contents) -> None:
    check(glyphs)
    assert len(set(LETTERS)) == len(LETTERS) == 46
    assert glyphs.items.shape == (len(DOMAINS) * 46 * 20, 14, 14, 1)
    assert (glyphs.counts == 20).all()
    assert glyphs.class_names[47] == "serif_bold/U+0042"


def test_what_a_name_says() -> None:
    assert look_of("sans").face == "DejaVuSans.ttf"
    assert look_of("serif_bold_oblique").face == "DejaVuSerif-BoldItalic.ttf"
    assert (look_of("mono_oblique_noisy").face, look_of("mono_oblique_noisy").changes) == (
        "DejaVuSansMono-Oblique.ttf", ("noisy",),
    )  # fmt: skip


def test_a_domain_is_the_same_whatever_the_others_are(glyphs: Contents) -> None:
    few = GlyphDomains(["serif", "sans"], size=14).read()
    np.testing.assert_array_equal(of(few, "sans"), of(glyphs, "sans"))
    assert not np.array_equal(of(GlyphDomains(["serif", "sans"], 14, seed=1).read(), "sans"), of(few, "sans"))


def test_inverted_is_ink_on_white_and_bold_has_more_ink(glyphs: Contents) -> None:
    assert (
        of(glyphs, "sans_inverted").mean()
        > 200
        > of(glyphs, "serif_bold").mean()
        > of(glyphs, "serif").mean()
    )


def test_domains_shift(glyphs: Contents) -> None:
    """A neighbour in another domain is right less often than one in the same domain."""
    y = np.repeat(np.arange(len(LETTERS)), DRAWINGS)
    even = np.arange(len(y)) % 2 == 0
    near = KNeighborsClassifier(1).fit(of(glyphs, "sans")[even], y[even])
    within = near.score(of(glyphs, "sans")[~even], y[~even])
    across = {domain: near.score(of(glyphs, domain)[~even], y[~even]) for domain in DOMAINS[1:]}
    assert within > 0.5
    assert max(across.values()) < within - 0.05
    assert across["sans_inverted"] < 0.1


@pytest.mark.parametrize(("domains", "line"), [
    (["sans"], "dataset.source.files.domains: found 1 domain, allowed are 2 or more different ones."),
    (["sans", "sans"], "dataset.source.files.domains: found a domain twice, allowed are 2 or more different ones."),
    (["sans", "serrif"], "dataset.source.files.domains: found 'serrif'. Did you mean 'serif'? Allowed: mono, sans, serif."),
    (["sans", "sans_boldd"], "dataset.source.files.domains: 'sans_boldd': found 'boldd'. Did you mean 'bold'? Allowed: blurred, bold, inverted, noisy, oblique, pencil."),
    (["sans", "sans_bold_bold"], "dataset.source.files.domains: 'sans_bold_bold': found 'bold' twice, allowed is each once."),
])  # fmt: skip
def test_a_wrong_domain_is_one_line(domains: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GlyphDomains(domains)
    assert str(caught.value) == line
