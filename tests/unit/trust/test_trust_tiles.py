"""Tiles lie where the specification says, and hold what the tree says."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.errors import ParseError
from keelmark.trust.merkle import Frontier, inclusion_path, is_included, leaf_hash, root_of
from keelmark.trust.tiles import (
    ENTRIES,
    Tile,
    TileBuilder,
    bundle,
    hashes_of,
    parse_bundle,
    parse_path,
    path_of,
    tiles_of,
)


def built(count: int) -> tuple[TileBuilder, dict[Tile, bytes]]:
    builder = TileBuilder()
    files = dict(builder.extend([b"entry %d" % number for number in range(count)]))
    files.update(builder.partial())
    return builder, files


def frontier(count: int) -> Frontier:
    tree = Frontier()
    tree.extend(leaf_hash(b"entry %d" % number) for number in range(count))
    return tree


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(2, 999), "tile/2/999"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(63, 5, 17), "tile/63/005.p/17"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
        (Tile(ENTRIES, 10**12), "tile/entries/x001/x000/x000/x000/000"),
    ],
)
def test_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert path_of(tile) == path
    assert parse_path(path) == tile


@given(st.integers(-1, 63), st.integers(0, 2**60), st.integers(1, 256))
def test_every_path_is_read_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_path(path_of(tile)) == tile


@pytest.mark.parametrize(
    "path",
    ["", "tile", "tile/0", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/64/000", "tile/0/x000/000",
     "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/05", "tile/0/000.p/", "tile/-1/000", "tile/0/١٢٣",
     "tile/0/001/000", "tile/0/000/", "/tile/0/000", "tile/entries/../000", "tile/" + "9" * 5000 + "/000",
     "tile/0/" + "9" * 5000, "tile//000"],
)  # fmt: skip
def test_what_is_no_path_of_a_tile_is_refused(path: str) -> None:
    with pytest.raises(ParseError):
        parse_path(path)


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_none(text: str) -> None:
    with contextlib.suppress(ParseError):
        assert path_of(parse_path(text)) == text


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    builder, files = built(70_000)
    assert set(tiles_of(70_000)) == set(files)
    assert sum(tile.level == 0 and tile.is_full for tile in files) == 273
    narrow = {(tile.level, tile.index, tile.width) for tile in files if not tile.is_full}
    assert narrow == {(ENTRIES, 273, 112), (0, 273, 112), (1, 1, 17), (2, 0, 1)}
    assert builder.root() == frontier(70_000).root()
    hash_at = hashes_of(70_000, files.__getitem__)
    assert root_of(70_000, hash_at) == builder.root()
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        path = inclusion_path(index, 70_000, hash_at)
        leaf = leaf_hash(b"entry %d" % index)
        assert is_included(leaf, path, index=index, size=70_000, root=builder.root())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1_200), st.integers(0, 1_200))
def test_going_on_from_files_is_the_same_as_never_having_stopped(first: int, more: int) -> None:
    _, files = built(first)
    resumed = TileBuilder(first, files.__getitem__)
    assert resumed.root() == frontier(first).root()
    entries = [b"entry %d" % number for number in range(first, first + more)]
    added = dict(resumed.extend(entries))
    added.update(resumed.partial())
    _, whole = built(first + more)
    assert {**files, **added}.items() >= whole.items()
    assert set(tiles_of(first + more, since=first)) <= set(added)
    assert resumed.root() == frontier(first + more).root()


def test_the_empty_tree_has_no_tiles() -> None:
    builder, files = built(0)
    assert files == {}
    assert list(tiles_of(0)) == []
    assert builder.root() == Frontier().root()


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_are_read_back(entries: list[bytes]) -> None:
    assert parse_bundle(bundle(entries), count=len(entries)) == tuple(entries)


@given(st.binary(max_size=200), st.integers(0, 5))
def test_any_bytes_are_a_bundle_or_none(data: bytes, count: int) -> None:
    with contextlib.suppress(ParseError):
        assert bundle(parse_bundle(data, count=count)) == data


def test_a_bundle_holds_exactly_what_is_asked_for() -> None:
    data = bundle([b"a", b"", b"c" * 65_535])
    for broken in (data[:-1], data + b"\0", data + b"\0\0", data[:3]):
        with pytest.raises(ParseError):
            parse_bundle(broken, count=3)
    with pytest.raises(ParseError):
        parse_bundle(data, count=2)
