from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from keelmark.core.finding import Finding
from keelmark.core.outcome import Confidence, Outcome, Severity
from keelmark.errors import ConfigurationError
from keelmark.guidelines import load
from keelmark.report import json_report
from keelmark.report.reasons import exit_code
from keelmark.workflows import baseline as module
from keelmark.workflows.assess import Target, assess
from keelmark.workflows.baseline import Baseline, compare, read_baseline, write_baseline

if TYPE_CHECKING:
    from pathlib import Path


def finding(name: str, outcome: Outcome = Outcome.FAIL) -> Finding:
    return Finding(
        rule="r",
        outcome=outcome,
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        message="m",
        recommendations=("DEV-1.c",),
        fingerprint=name,
    )


def test_compare_tells_new_known_and_gone() -> None:
    found = compare(
        [finding("a"), finding("b"), finding("c", Outcome.PASS), finding("d", Outcome.UNKNOWN)],
        Baseline(source="x", fingerprints=frozenset({"b", "c", "z"})),
    )
    assert (found.source, found.new, found.known, found.gone) == ("x", ("a",), ("b",), ("c", "z"))


def test_written_baseline_holds_every_failure_and_reads_back(tmp_path: Path, make_assessment) -> None:
    file = tmp_path / "known.json"
    found = make_assessment(findings=(finding("b"), finding("a"), finding("p", Outcome.PASS)))
    assert write_baseline(found, file) == 2
    assert read_baseline(file) == Baseline(source="known.json", fingerprints=frozenset({"a", "b"}))
    written = msgspec.json.decode(file.read_bytes())
    assert [entry["fingerprint"] for entry in written["findings"]] == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["known.json"]


def test_baseline_of_a_run_makes_nothing_new(project: Path, settings, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    target = Target(root=project)
    first = assess(target, settings)
    write_baseline(first, file)
    second = assess(target, replace(settings, baseline=file, only_new=True))
    assert second.comparison is not None
    assert second.comparison.new == ()
    assert second.comparison.gone == ()
    assert len(second.comparison.known) > 0
    assert exit_code(first) == 1
    assert exit_code(second) != 1


def test_new_failure_shows_and_a_mended_one_is_gone(project: Path, settings, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    write_baseline(assess(Target(root=project), settings), file)
    app = project / "app.py"
    app.write_text(
        app.read_text().replace("subprocess.run", "print").replace(", shell=True", "")
        + "\n\n@app.post('/calc')\ndef calc():\n    return str(eval(request.json['x']))\n"
    )
    found = assess(Target(root=project), replace(settings, baseline=file, only_new=True))
    assert found.comparison is not None
    new = {f.rule for f in found.findings if f.fingerprint in found.comparison.new}
    assert "code-from-untrusted-text" in new
    assert found.comparison.gone
    assert exit_code(found) == 1


def test_new_only_without_a_baseline_counts_every_failure(project: Path, settings) -> None:
    assert exit_code(assess(Target(root=project), replace(settings, only_new=True))) == 1


def test_json_report_serves_as_a_baseline(project: Path, settings, tmp_path: Path) -> None:
    found = assess(Target(root=project), settings)
    file = tmp_path / "report.json"
    file.write_text(json_report.render(found, catalogue=load(), cards={}))
    failures = {f.fingerprint for f in found.findings if f.outcome is Outcome.FAIL}
    assert read_baseline(file).fingerprints == failures


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b"null", b"\xff", b'{"findings": [{"fingerprint": 1}]}', b'{"findings": {}}',
        b'{"findings": [{"fingerprint": "\xff", "rule": "a"}]}', b"[" * 100_000,
        b'{"findings": ' + b"[" * 100_000,
    ],
    ids=["empty", "list", "object", "null", "bytes", "number", "mapping", "charset", "deep", "deeper"],
)  # fmt: skip
def test_what_is_no_baseline_is_an_error_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "known.json"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"known\.json") as caught:
        read_baseline(file)
    assert "--write-baseline" in caught.value.hint


def test_missing_or_huge_baseline_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_baseline(tmp_path / "nowhere.json")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_baseline(tmp_path)
    monkeypatch.setattr(module, "MAX_BYTES", 3)
    (tmp_path / "known.json").write_text('{"findings": []}')
    with pytest.raises(ConfigurationError, match="larger than 3 bytes"):
        read_baseline(tmp_path / "known.json")


def test_lost_baseline_never_looks_like_an_empty_one(project: Path, settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        assess(Target(root=project), replace(settings, baseline=tmp_path / "nowhere.json", only_new=True))
    assert not (project / ".keelmark").exists()


def test_baseline_is_written_whatever_a_path_is_called(tmp_path: Path, make_assessment) -> None:
    odd = make_assessment().findings[0]
    odd = replace(odd, locations=(replace(odd.locations[0], path="a\udcff"),))
    assert write_baseline(make_assessment(findings=(odd,)), tmp_path / "known.json") == 1
    assert read_baseline(tmp_path / "known.json").fingerprints == {odd.fingerprint}


def test_baseline_that_cannot_be_written_is_an_error(tmp_path: Path, make_assessment) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_baseline(make_assessment(), tmp_path / "nowhere" / "known.json")
