"""Which domains the tasks of a split are of."""

import pytest

from metassl.data.domains.roles import Combination, Roles, family_number
from metassl.errors import ConfigError

NAMES = ["ant", "bee", "cat", "dog"]


def pairs(roles: Roles, split: str, sources: int = 1) -> set[tuple[str, str]]:
    return {
        ("+".join(NAMES[k] for k in each.sources), NAMES[each.target])
        for each in roles.combinations(split, sources)
    }


def test_held_out_domains_are_in_no_task_of_training() -> None:
    roles = Roles(NAMES, ["cat"], ["dog"], "domains")
    assert pairs(roles, "train") == {("ant", "bee"), ("bee", "ant")}
    assert pairs(roles, "val") == {("ant", "dog"), ("bee", "dog")}
    assert pairs(roles, "test") == {("ant", "cat"), ("bee", "cat"), ("dog", "cat")}
    assert pairs(roles, "test", 2) == {("ant+bee", "cat"), ("ant+dog", "cat"), ("bee+dog", "cat")}


def test_without_validation_domains_it_validates_on_those_of_training() -> None:
    roles = Roles(NAMES, ["cat"], [], "both")
    assert pairs(roles, "val") == pairs(roles, "train") == {
        ("ant", "bee"), ("ant", "dog"), ("bee", "ant"), ("bee", "dog"), ("dog", "ant"), ("dog", "bee"),
    }  # fmt: skip


def test_held_out_classes_leave_all_domains_to_training() -> None:
    roles = Roles(NAMES, ["cat"], [], "classes")
    assert len(pairs(roles, "train")) == len(pairs(roles, "val")) == 12
    assert pairs(roles, "test") == {("ant", "cat"), ("bee", "cat"), ("dog", "cat")}
    assert len(pairs(Roles(NAMES, [], [], "classes"), "test")) == 12


def test_a_pair_is_that_of_every_test_task_and_its_target_is_held_out() -> None:
    roles = Roles(NAMES, [], [], "domains", ("ant", "bee"))
    assert pairs(roles, "test") == {("ant", "bee")}
    assert all("bee" not in pair for pair in pairs(roles, "train") | pairs(roles, "val"))
    assert pairs(Roles(NAMES, ["bee", "cat"], [], "domains", ("cat", "bee")), "test") == {("cat", "bee")}


def test_a_family_has_a_number_of_its_own() -> None:
    roles = Roles(NAMES, [], [], "classes")
    for sources in (1, 2, 3):
        found = roles.combinations("train", sources)
        assert len({family_number(each, 4) for each in found}) == len(found)
    assert family_number(Combination((3,), 2), 4) == 14  # 4 · 3 + 2
    assert family_number(Combination((1, 3), 2), 4) == 30  # 4 · (4 · 1 + 3) + 2


@pytest.mark.parametrize(("roles", "line"), [
    (Roles(NAMES, ["catt"], [], "domains"), "dataset.source.test_domains: found 'catt'. Did you mean 'cat'? Allowed: ant, bee, cat, dog."),
    (Roles(NAMES, ["cat"], ["dogs"], "domains"), "dataset.source.val_domains: found 'dogs'. Did you mean 'dog'? Allowed: ant, bee, cat, dog."),
    (Roles(NAMES, ["cat", "cat"], [], "domains"), "dataset.source.test_domains: found 'cat' twice, allowed is each once."),
    (Roles(NAMES, [], [], "both"), "dataset.source.test_domains: found none, allowed with hold_out=both are one or more of ant, bee, cat, dog."),
    (Roles(NAMES, ["cat"], ["cat"], "domains"), "dataset.source.val_domains: found 'cat', which is a test domain; allowed is one role."),
    (Roles(NAMES, ["cat"], [], "domains", ("ant", "bee")), "dataset.source.test_pair: found the target 'bee', allowed are test_domains: cat."),
    (Roles(NAMES, [], [], "domains", ("ant", "be")), "dataset.source.test_pair: found 'be'. Did you mean 'bee'? Allowed: ant, bee, cat, dog."),
    (Roles(NAMES, [], [], "domains", ("ant", "ant")), "dataset.source.test_pair: found 'ant' twice, allowed is each once."),
])  # fmt: skip
def test_a_wrong_domain_is_one_line(roles: Roles, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        roles.sources_and_targets("test")
    assert str(caught.value) == line


def test_nothing_left_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"split 'train' has no task with so many source domains.*: dog\)"):
        Roles(NAMES, ["ant", "bee", "cat"], [], "domains").combinations("train", 1)
