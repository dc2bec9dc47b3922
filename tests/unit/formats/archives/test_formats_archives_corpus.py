"""Every trick is found, every clean twin is silent, and no damage to either ends a run."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.engine.containers import all_containers
from keelmark.errors import KeelmarkError
from keelmark.formats.archives.container import Budget
from keelmark.formats.source import Source


def test_trick_is_found(trick, techniques):
    technique, data = trick
    assert technique in techniques(data)


def test_clean_twin_is_silent(twin, opened):
    path, data = twin
    found = opened(data, path)
    assert [hazard for item in found.readings for hazard in item.hazards] == []
    assert [gap for gap in found.gaps if gap.matters] == []
    assert found.opened


def test_payload_behind_a_trick_is_read_all_the_same(corpus, techniques):
    tricks = corpus.malicious()
    for name in ("duplicate.pt", "name_differs.pt", "checksum_wrong.pt", "marked_encrypted.pt", "name_with_nul.pt",
                 "hidden_member.zip", "hidden_between.zip", "gap.zip", "behind_the_end.zip", "two_archives.zip",
                 "archive_in_comment.zip", "extension_lies.tar", "duplicate.tar", "two_archives.tar"):  # fmt: skip
        assert "dangerous-callable" in techniques(tricks[name]), name


def test_place_of_a_hazard_names_every_archive_on_the_way(corpus, techniques):
    found = techniques(corpus.malicious()["deep.tar.gz"])
    assert found["dangerous-callable"] == {"content!a.zip!x.bz2!content"}


def test_no_damage_crashes_a_container(corpus, opened):
    chance = random.Random(7)
    for data in (*corpus.malicious().values(), *corpus.benign().values()):
        if len(data) > 60_000:
            continue
        for _ in range(8):
            changed = bytearray(data)
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            for piece in (changed, data[: chance.randrange(len(data))]):
                reasons = {gap.reason for gap in opened(piece, max_seconds=5.0).gaps}
                assert GapReason.CRASHED not in reasons


@given(st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c\x00\x04", b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18",
                        b"\x1f\x8b\x08", b"BZh9", b"!<arch>\n", b"070701", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"]),
       st.binary(max_size=700))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_bytes_behind_a_magic_give_members_or_errors_on_purpose(magic, data):
    for container in all_containers():
        source = Source.of_bytes(magic + data, path="file")
        try:
            if container.recognises(source):
                for member in container.open(source, Budget()).members:
                    member.start(100)
                    member.load()
        except KeelmarkError:
            continue


def test_zstd_without_a_decoder_is_a_gap_that_says_what_is_missing(opened, monkeypatch):
    monkeypatch.setattr("keelmark.formats.archives.zstandard._MODULE", None)
    (gap,) = opened(b"\x28\xb5\x2f\xfd" + bytes(40)).gaps
    assert gap.reason is GapReason.UNSUPPORTED
    assert "backports.zstd" in gap.detail
