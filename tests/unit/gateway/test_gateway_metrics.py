"""What is counted, how it is written for Prometheus, and how several workers add up."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.call import Action, Api, Call, Usage
from keelmark.core.exchange import ALLOW, Exchange, Ground, Outcome, Request, deny
from keelmark.core.route import Route, RouteKind
from keelmark.errors import ConfigurationError
from keelmark.gateway import worker_metrics
from keelmark.gateway.exposition import (
    CONTENT_TYPE,
    Count,
    Family,
    FamilySnapshot,
    Histogram,
    Kind,
    Label,
    Merge,
    Sample,
    text_of,
)
from keelmark.gateway.metrics import Gauges, Metrics, MetricsBounds
from keelmark.gateway.pipeline import ORDER
from keelmark.gateway.worker_metrics import MergeBounds, WorkerFile, WorkerReader, merged, private_folder

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MS = 1_000_000


def parsed(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Read the text format strictly: every sample below its TYPE, names and labels well formed, no series twice."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    family, kind = "", ""
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert kind in {"counter", "gauge", "histogram"}
            continue
        if line.startswith("# HELP "):
            continue
        name, labels, value = _sample(line)
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        assert name in {family + end for end in ends}
        series = found.setdefault(name, {})
        assert labels not in series
        series[labels] = float(value)
    return found


def _sample(line: str) -> tuple[str, tuple[tuple[str, str], ...], str]:
    if "{" not in line:
        name, value = line.split(" ")
        return name, (), value
    name, rest = line.split("{", 1)
    labels, at = [], 0
    while rest[at] != "}":
        key, at = rest[at : rest.index('="', at)], rest.index('="', at) + 2
        value = ""
        while rest[at] != '"':
            if rest[at] == "\\":
                value += {"n": "\n", "\\": "\\", '"': '"'}[rest[at + 1]]
                at += 2
            else:
                value += rest[at]
                at += 1
        labels.append((key, value))
        at += 1 + (rest[at + 1] == ",")
    return name, tuple(labels), rest[at + 2 :]


def exchange(*, route="small", decision=ALLOW, status=200, usage=None, **more) -> Exchange:
    found = Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=NOON,
        started_ns=0,
        call=Call(api=Api.CHAT, action=Action.INFER, model="what the caller wrote", body={}),
        route=route and Route(name=route, kind=RouteKind.MODEL, upstream="u", asset="a"),
        status=status,
        usage=usage,
        **more,
    )
    found.decision = decision
    return found


def metrics(**more) -> Metrics:
    more.setdefault("models", ["small", "large"])
    return Metrics(stages=[*ORDER, "screen-output"], now_ns=lambda: 30 * MS, now=lambda: 1000.0, **more)


def series(counted: Metrics) -> dict:
    return parsed(text_of(counted.snapshot()))


def way(api="openai-chat", model="small", outcome="allow", reason=""):
    return (("api", api), ("model", model), ("outcome", outcome), ("reason", reason))


def test_an_answered_request_is_counted_once_with_time_tokens_and_money() -> None:
    counted = metrics()
    done = exchange(
        usage=Usage(input_tokens=7, output_tokens=5),
        steps=("identify", "authorise"),
        marks=[500, 2_500, 3_500],
    )
    counted.observe(done, money=250_000)
    counted.observe(done)
    found = series(counted)
    assert found["keelmark_requests_total"] == {way(): 2}
    assert found["keelmark_tokens_total"] == {
        (("model", "small"), ("direction", "input")): 14,
        (("model", "small"), ("direction", "output")): 10,
    }
    assert found["keelmark_spend_total"] == {(("model", "small"),): 0.25}
    assert found["keelmark_stage_seconds_total"][("stage", "identify"),] == pytest.approx(4e-6)
    assert found["keelmark_stage_calls_total"] == {(("stage", "authorise"),): 2, (("stage", "identify"),): 2}
    labels = (("api", "openai-chat"), ("outcome", "allow"))
    assert found["keelmark_request_duration_seconds_count"] == {labels: 2}
    assert found["keelmark_request_duration_seconds_sum"] == {labels: 0.06}


def test_buckets_rise_and_end_with_all_of_them() -> None:
    counted = metrics()
    counted.observe(exchange())
    buckets = series(counted)["keelmark_request_duration_seconds_bucket"]
    by_bound = [(labels[-1][1], value) for labels, value in buckets.items()]
    assert by_bound[0] == ("0.001", 0)
    assert dict(by_bound)["0.025"] == 0
    assert dict(by_bound)["0.05"] == 1
    assert by_bound[-1] == ("+Inf", 1)
    assert [value for _, value in by_bound] == sorted(value for _, value in by_bound)


def test_refusals_and_what_was_given_up_are_told_apart() -> None:
    counted = metrics()
    counted.observe(exchange(decision=deny("rate-limited"), status=429))
    counted.observe(exchange(status=0))
    counted.observe(exchange(decision=deny("upstream-timeout"), status=504))
    found = series(counted)
    assert set(found["keelmark_requests_total"]) == {
        way(outcome="deny", reason="rate-limited"),
        way(outcome="abandoned"),
        way(outcome="deny", reason="upstream-timeout"),
    }
    assert found["keelmark_upstream_errors_total"] == {
        (("model", "small"), ("reason", "upstream-timeout")): 1
    }


def test_no_text_of_a_caller_becomes_a_label() -> None:
    counted = metrics()
    counted.observe(exchange(route=None, decision=deny("no-such-model"), status=404))
    text = text_of(counted.snapshot())
    assert "what the caller wrote" not in text
    assert (
        way(model="none", outcome="deny", reason="no-such-model") in parsed(text)["keelmark_requests_total"]
    )


def test_an_exchange_that_nobody_could_read_is_counted() -> None:
    counted = metrics()
    nothing = exchange(route=None, decision=deny("bad-json"), status=400)
    nothing.call = None
    counted.observe(nothing)
    assert way("none", "none", "deny", "bad-json") in series(counted)["keelmark_requests_total"]


def test_unknown_models_reasons_and_stages_count_as_other() -> None:
    counted = metrics(models=["small"])
    counted.observe(
        exchange(route="new", decision=deny("plugin-says-no"), status=403, steps=("odd",), marks=[0, 1])
    )
    found = series(counted)
    assert way(model="other", outcome="deny", reason="other") in found["keelmark_requests_total"]
    assert (("stage", "other"),) in found["keelmark_stage_calls_total"]


def test_models_beyond_the_bound_count_as_other_and_nothing_grows() -> None:
    names = [f"m{number:03}" for number in range(50)]
    counted = metrics(models=names, bounds=MetricsBounds(max_models=10, max_series=8, max_ways=5))
    for name in names:
        counted.observe(exchange(route=name, usage=Usage(input_tokens=1, output_tokens=1)))
    found = series(counted)
    assert len(found["keelmark_requests_total"]) <= 8
    assert sum(found["keelmark_requests_total"].values()) == 50
    assert len(found["keelmark_spend_total"]) <= 11
    assert len(counted._ways) <= 5
    assert len(counted._models) <= 10


def test_tokens_that_nobody_counted_are_not_counted() -> None:
    counted = metrics()
    counted.observe(exchange(usage=Usage()))
    assert set(series(counted)["keelmark_tokens_total"].values()) == {0}


def test_stages_beyond_the_bound_are_counted_and_not_remembered() -> None:
    counted = metrics(bounds=MetricsBounds(max_series=1))
    counted.observe(exchange(steps=("identify", "authorise"), marks=[0, 1, 2]))
    counted.snapshot()
    assert len(counted._stages) == 1
    assert sum(series(counted)["keelmark_stage_calls_total"].values()) == 2


def test_a_ground_is_counted_with_its_reason_also_when_it_only_watched() -> None:
    counted = metrics()
    ground = Ground(stage="screen-input", reason="injection-7", outcome=Outcome.DENY, is_enforced=False)
    counted.observe(exchange(grounds=[ground]))
    (labels,) = series(counted)["keelmark_screen_hits_total"]
    assert dict(labels) == {
        "stage": "screen-input",
        "reason": "injection-7",
        "outcome": "deny",
        "enforced": "false",
    }


def test_how_things_stand_is_asked_when_it_is_read() -> None:
    now = {"connections": 3}
    gauges = Gauges(
        connections=lambda: now["connections"],
        in_flight=lambda: 2,
        log_queue=lambda: 1,
        release=lambda: "r1",
        release_ends=lambda: 1060.5,
        is_disconnected=lambda: True,
    )
    counted = metrics(gauges=gauges)
    now["connections"] = 4
    found = series(counted)
    assert found["keelmark_connections"] == {(): 4}
    assert found["keelmark_requests_in_flight"] == {(): 2}
    assert found["keelmark_log_queue_length"] == {(): 1}
    assert found["keelmark_release_info"] == {(("release", "r1"),): 1}
    assert found["keelmark_release_expires_seconds"] == {(): 60.5}
    assert found["keelmark_disconnected"] == {(): 1}
    assert "keelmark_release_info" not in series(metrics())


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_in_a_label_reads_back_and_stays_on_its_line(value: str, help_: str) -> None:
    family = FamilySnapshot("x", Kind.GAUGE, help_, ("a",), samples=(Sample((value,), 1),))
    text = text_of([family])
    assert text.count("\n") == 3
    (line,) = [line for line in text.split("\n") if line and not line.startswith("#")]
    assert _sample(line)[1] == (("a", value.replace("\r", " ")),)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (1.5, "1.5"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (2.0, "2"), (1e300, "1e+300")],
)  # fmt: skip
def test_numbers_are_written_as_prometheus_reads_them(value: float, written: str) -> None:
    text = text_of([FamilySnapshot("x", Kind.GAUGE, "h", samples=(Sample((), value),))])
    assert text.splitlines()[-1] == f"x {written}"
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


def test_a_family_has_no_more_series_than_its_bound() -> None:
    family = Family("x_total", Kind.COUNTER, "h", make=Count, labels=(Label(name="a"),), max_series=3)
    for number in range(20):
        family.child(str(number)).value += 1
    samples = {sample.labels[0]: sample.value for sample in family.snapshot().samples}
    assert samples == {"0": 1, "1": 1, "other": 18}


# Several workers


@pytest.fixture
def folder(tmp_path):
    return private_folder(tmp_path / "numbers")


def worker(folder, process: int, counted: Metrics, now: float = 1000.0) -> None:
    WorkerFile(folder, counted.snapshot, process=process, now=lambda: now).write()


def test_workers_add_up(folder) -> None:
    one, two = metrics(gauges=Gauges(connections=lambda: 2)), metrics(gauges=Gauges(connections=lambda: 3))
    one.observe(exchange())
    two.observe(exchange())
    two.observe(exchange(route="large"))
    worker(folder, 1, one)
    worker(folder, 2, two)
    reader = WorkerReader(folder, is_alive=lambda _: True, now=lambda: 1001.0)
    found = parsed(text_of(reader.snapshot()))
    assert found["keelmark_requests_total"] == {way(): 2, way(model="large"): 1}
    assert sum(found["keelmark_request_duration_seconds_count"].values()) == 3
    assert found["keelmark_connections"] == {(): 5}
    assert found["keelmark_workers"] == {(): 2}


def test_what_a_worker_counted_stays_when_it_is_gone(folder) -> None:
    counted = metrics(gauges=Gauges(connections=lambda: 2))
    counted.observe(exchange())
    worker(folder, 1, counted)
    worker(folder, 2, counted)
    alive = {1, 2}
    reader = WorkerReader(folder, is_alive=alive.__contains__, now=lambda: 1001.0)
    before = parsed(text_of(reader.snapshot()))
    alive.remove(1)
    for _ in range(3):
        after = parsed(text_of(reader.snapshot()))
        assert after["keelmark_requests_total"] == before["keelmark_requests_total"] == {way(): 2}
        assert after["keelmark_connections"] == {(): 2}
    assert [file.name for file in folder.iterdir()] == ["2.metrics.json"]


def test_a_worker_that_stopped_writing_is_not_asked_how_things_stand(folder) -> None:
    counted = metrics(gauges=Gauges(connections=lambda: 2))
    counted.observe(exchange())
    worker(folder, 1, counted, now=900.0)
    found = parsed(text_of(WorkerReader(folder, is_alive=lambda _: True, now=lambda: 1000.0).snapshot()))
    assert found["keelmark_requests_total"] == {way(): 1}
    assert "keelmark_connections" not in found
    assert found["keelmark_workers"] == {(): 0}


def test_a_file_that_cannot_be_read_is_counted_and_left_out(folder) -> None:
    worker(folder, 1, metrics())
    sound = msgspec.json.decode((folder / "1.metrics.json").read_bytes())
    sound["families"][0]["samples"] = [[["too", "few"], 1]]
    (folder / "2.metrics.json").write_bytes(json.dumps(sound).encode())
    (folder / "3.metrics.json").write_bytes(b"{")
    (folder / "4.metrics.json").symlink_to(folder / "1.metrics.json")
    (folder / "5.metrics.json").write_bytes(b"[" * 100_000)
    (folder / "6.metrics.json").mkdir()
    reader = WorkerReader(folder, is_alive=lambda _: True, now=lambda: 1000.0)
    found = parsed(text_of(reader.snapshot()))
    assert found["keelmark_worker_files_unreadable"] == {(): 5}
    assert found["keelmark_workers"] == {(): 1}
    small = WorkerReader(
        folder, bounds=MergeBounds(max_bytes=10, max_workers=2), is_alive=lambda _: True, now=lambda: 1000.0
    )
    assert parsed(text_of(small.snapshot()))["keelmark_worker_files_unreadable"] == {(): 6}


@given(st.binary(max_size=60))
def test_any_bytes_in_a_file_of_a_worker_are_survived(content: bytes) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "1.metrics.json").write_bytes(content)
        WorkerReader(Path(place)).snapshot()


def test_a_written_file_is_for_its_owner_alone_and_leaves_no_draft(folder) -> None:
    worker(folder, 7, metrics())
    assert [(file.name, oct(file.stat().st_mode & 0o777)) for file in folder.iterdir()] == [
        ("7.metrics.json", "0o600")
    ]


def test_writing_goes_on_by_itself_also_after_it_failed(folder) -> None:
    file = WorkerFile(folder, metrics().snapshot, process=7, now=lambda: 1000.0)
    (folder / ".7.part").mkdir()

    async def written() -> None:
        task = asyncio.create_task(file.keep(interval_s=0.001))
        await asyncio.sleep(0.005)
        (folder / ".7.part").rmdir()
        async with asyncio.timeout(5):
            while not (folder / "7.metrics.json").exists():  # noqa: ASYNC110 - that it comes is what is tested
                await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(written())


def test_a_process_that_may_not_be_asked_is_not_known_to_be_gone(folder, monkeypatch) -> None:
    def refuses(process: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(worker_metrics.os, "kill", refuses)
    worker(folder, 7, metrics())
    assert parsed(text_of(WorkerReader(folder, now=lambda: 1000.0).snapshot()))["keelmark_workers"] == {(): 1}


def test_our_own_process_is_alive_and_one_that_ended_is_not(folder) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    worker(folder, os.getpid(), metrics())
    worker(folder, ended.pid, metrics())
    assert parsed(text_of(WorkerReader(folder, now=lambda: 1000.0).snapshot()))["keelmark_workers"] == {(): 1}


def test_merging_takes_the_least_or_the_most_where_a_sum_says_nothing() -> None:
    def one(value: float, merge: Merge) -> tuple[FamilySnapshot, ...]:
        return (FamilySnapshot("x", Kind.GAUGE, "h", merge=merge, samples=(Sample((), value),)),)

    for merge, expected in ((Merge.MIN, 1), (Merge.MAX, 2), (Merge.SUM, 3)):
        ((found,),) = [merged([one(1, merge), one(2, merge)])]
        assert found.samples == (Sample((), expected),)


def test_families_of_another_form_are_left_out() -> None:
    first = FamilySnapshot("x", Kind.COUNTER, "h", samples=(Sample((), 1),))
    other = FamilySnapshot("x", Kind.COUNTER, "h", ("a",), samples=(Sample(("b",), 1),))
    assert merged([(first,), (other,)]) == (first,)


def test_a_folder_that_others_can_open_is_refused(tmp_path) -> None:
    open_ = tmp_path / "open"
    open_.mkdir()
    open_.chmod(0o755)
    for place in (open_, tmp_path / "link", tmp_path / "file" / "below"):
        (tmp_path / "link").exists() or (tmp_path / "link").symlink_to(private_folder(tmp_path / "own"))
        (tmp_path / "file").touch()
        with pytest.raises(ConfigurationError):
            private_folder(place)
    made = private_folder(tmp_path / "new" / "deep")
    assert made.stat().st_mode & 0o777 == 0o700
    assert private_folder(made) == made


def test_a_histogram_counts_a_value_at_a_bound_below_it() -> None:
    found = Histogram((1, 2))
    for value in (1, 1.5, 2, 3):
        found.observe(value)
    assert found.counts == [1, 2, 1]


def test_steps_add_up_whoever_came_how_far_and_whatever_the_steps_are_called_since() -> None:
    counted = metrics()
    for number in range(600):
        marks = [7 * MS, 8 * MS, 10 * MS][: 2 + number % 2]
        counted.observe(exchange(steps=("identify", "authorise"), marks=marks))
    counted.observe(exchange(steps=("identify", "screen-output"), marks=[0, 1 * MS, 2 * MS]))
    found = series(counted)
    seconds = {
        name: found["keelmark_stage_seconds_total"][(("stage", name),)]
        for name in ("identify", "authorise", "screen-output")
    }
    calls = {name: found["keelmark_stage_calls_total"][(("stage", name),)] for name in seconds}
    assert calls == {"identify": 601, "authorise": 300, "screen-output": 1}
    assert seconds == pytest.approx({"identify": 0.601, "authorise": 0.6, "screen-output": 0.001})
    assert series(counted) == found
