"""Which versions an advisory touches."""

from datetime import date

from keelmark.core.advisory import Advisory, AdvisorySnapshot, match, match_manifest
from keelmark.core.facts import Manifest, Requirement, RequirementSource


def snapshot(*advisories):
    return AdvisorySnapshot.of(advisories, source="test", digest="0" * 64)


def advisory(*ranges, package="lib", ecosystem="pypi", **more):
    return Advisory(**{"id": "A-1", **more}, ecosystem=ecosystem, package=package, ranges=ranges)


def hits(item, version, ecosystem="pypi", name="lib"):
    return bool(match(snapshot(item), ecosystem=ecosystem, name=name, version=version))


def test_introduced_and_fixed():
    item = advisory((("introduced", "1.0"), ("fixed", "1.5")))
    assert [hits(item, version) for version in ("0.9", "1.0", "1.4.9", "1.5rc1", "1.5", "2")] == [
        False, True, True, True, False, False,
    ]  # fmt: skip
    assert item.fixes == ("1.5",)


def test_several_spans_in_one_range_in_any_order():
    item = advisory((("fixed", "5.2"), ("introduced", "4.0"), ("introduced", "5.0"), ("fixed", "4.3")))
    assert [hits(item, version) for version in ("3", "4.1", "4.3", "5.1", "5.2")] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_zero_is_before_every_version():
    item = advisory((("introduced", "0"), ("fixed", "1")))
    assert hits(item, "0.0.0.dev1")
    assert not hits(item, "1.0")


def test_last_affected_is_inside():
    item = advisory((("introduced", "0"), ("last_affected", "2.0")))
    assert hits(item, "2.0")
    assert not hits(item, "2.0.1")


def test_open_end_touches_all_later_versions():
    assert hits(advisory((("introduced", "1"),)), "99")


def test_named_versions_match_in_any_spelling():
    item = advisory(versions=("1.0", "weird-1"))
    assert hits(item, "1.0.0")
    assert hits(item, "weird-1")
    assert not hits(item, "1.1")


def test_python_order_is_not_text_order():
    item = advisory((("introduced", "0"), ("fixed", "1.10")))
    assert hits(item, "1.9")
    assert not hits(item, "1.10.post1")
    assert not hits(item, "1!0.1")


def test_npm_follows_semantic_versions():
    item = advisory((("introduced", "1.0.0"), ("fixed", "1.2.0")), ecosystem="npm")
    assert hits(item, "1.2.0-rc.1", "npm")
    assert not hits(item, "1.2.0", "npm")
    assert not hits(item, "1.1.0", "pypi")


def test_bounds_that_cannot_be_placed_match_nothing():
    assert not hits(advisory((("introduced", "0"), ("fixed", "whenever"))), "1.0")
    assert not hits(advisory((("introduced", "0"),)), "not a version")
    assert not hits(advisory((("introduced", "0"),)), "")
    assert not hits(advisory((("introduced", "0"),), ecosystem="maven"), "1.0", "maven")


def test_names_are_normalised_for_python_only():
    item = advisory((("introduced", "0"),), package="My.Lib")
    assert hits(item, "1", name="my-lib")
    node = advisory((("introduced", "0"),), package="My.Lib", ecosystem="npm")
    assert not hits(node, "1.0.0", "npm", "my-lib")


def test_same_weakness_is_told_once():
    first = advisory((("introduced", "0"),), id="PYSEC-1", aliases=("CVE-1",))
    second = advisory((("introduced", "0"),), id="GHSA-1", aliases=("CVE-1",), severity="high")
    other = advisory((("introduced", "0"),), id="GHSA-2")
    found = match(snapshot(first, second, other), ecosystem="pypi", name="lib", version="1")
    assert [(item.id, item.aliases, item.severity) for item in found] == [
        ("PYSEC-1", ("CVE-1", "GHSA-1"), "high"),
        ("GHSA-2", (), ""),
    ]


def test_malware_is_marked():
    assert advisory(id="MAL-2024-1").is_malware
    assert advisory(aliases=("MAL-2024-1",)).is_malware
    assert not advisory().is_malware


def test_snapshot_knows_its_age_and_ecosystems():
    taken = snapshot(
        advisory(published=date(2024, 1, 1)),
        advisory(id="A-2", modified=date(2024, 5, 1), ecosystem="npm"),
        advisory(id="A-3"),
    )
    assert (taken.newest, taken.count, taken.ecosystems) == (date(2024, 5, 1), 3, ("npm", "pypi"))
    assert taken.knows("PyPI")
    assert not taken.knows("maven")
    assert snapshot().newest is None


def test_manifest_is_matched_by_exact_versions_of_the_index():
    wanted = Manifest(
        format="uv-lock",
        ecosystem="pypi",
        is_lock=True,
        requirements=(
            Requirement(name="lib", version="1"),
            Requirement(name="lib", specifier=">=1"),
            Requirement(name="lib", version="1", source=RequirementSource.VCS),
            Requirement(name="other", version="1"),
        ),
    )
    ((requirement, found),) = match_manifest(snapshot(advisory((("introduced", "0"),))), wanted)
    assert requirement is wanted.requirements[0]
    assert found[0].id == "A-1"


def test_many_packages_against_many_advisories():
    many = (
        advisory((("introduced", "0"), ("fixed", f"1.{n % 50}")), id=f"A-{n}", package=f"lib-{n % 2_000}")
        for n in range(10_000)
    )
    locked = Manifest(
        format="uv-lock",
        ecosystem="pypi",
        is_lock=True,
        requirements=tuple(Requirement(name=f"lib-{n}", version="1.20.3") for n in range(500)),
    )
    found = match_manifest(snapshot(*many), locked)
    # The one that is fixed in 1.n is met by 1.20.3 where n is over 20: of 50 in turn, 29.
    assert sum(len(each) for _, each in found) == sum(5 for n in range(500) if n % 50 > 20)
