"""What a user brings beside the folder is read as a whole or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from keelmark.config.settings import AssessSettings
from keelmark.core.advisory import AdvisorySnapshot
from keelmark.errors import ConfigurationError
from keelmark.workflows.extras import prepare_extras

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "modified": "2026-11-20T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "acme-http"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.4.1"}]}],
        }
    ],
}


def extras(file: Path | None, root: Path) -> dict[str, object]:
    return dict(prepare_extras(AssessSettings(advisories=file), root))


def test_without_a_file_there_is_no_snapshot(tmp_path: Path) -> None:
    assert extras(None, tmp_path) == {}


def test_advisory_file_becomes_a_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "advisories.jsonl"
    file.write_text(json.dumps(ENTRY) + "\n")
    snapshot = extras(file, tmp_path)["advisories"]
    assert isinstance(snapshot, AdvisorySnapshot)
    assert snapshot.source == "advisories.jsonl"
    assert snapshot.count == 1


def test_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        extras(tmp_path / "nowhere.json", tmp_path)


def test_folder_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        extras(tmp_path, tmp_path)


def test_text_that_is_no_advisory_is_a_configuration_error(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("nothing to see here\n")
    with pytest.raises(ConfigurationError, match="no entry could be read"):
        extras(file, tmp_path)


def test_one_damaged_entry_is_a_configuration_error(tmp_path: Path) -> None:
    file = tmp_path / "advisories.jsonl"
    file.write_text(json.dumps(ENTRY) + '\n{"id": "GHSA-dddd"\n')
    with pytest.raises(ConfigurationError, match="damaged in line 2"):
        extras(file, tmp_path)


def test_broken_archive_is_a_configuration_error(tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    file.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ConfigurationError):
        extras(file, tmp_path)
