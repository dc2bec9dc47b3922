"""Scans on a Ray cluster: the calls against a cluster in memory, and one against a real one where Ray is installed."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from types import SimpleNamespace

import pytest

from keelmark.cli.main import run
from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, UsageError
from keelmark.workflows import scan_ray
from keelmark.workflows.scan import ScanSettings, scan

HARMFUL = b"cos\nsystem\n(S'true'\ntR."


class RayError(Exception):
    """What Ray raises for lost workers."""


class Cluster:
    """Ray as far as it is asked for, in memory; an order with a file called `killer` loses its worker."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self) -> None:
        self.address = ""
        self.is_up = False
        self.options: dict[str, int] = {}
        self.cancelled: list[int] = []
        self.waiting: list[tuple[int, object, tuple[str, str]]] = []
        self.made = 0

    def is_initialized(self) -> bool:
        return self.is_up

    def init(self, *, address: str, **_: object) -> None:
        if address == "nowhere:1":
            raise ConnectionError("refused")
        self.address, self.is_up = address, True

    def shutdown(self) -> None:
        self.is_up = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, **options: int):
        self.options = options

        def decorate(function):
            return SimpleNamespace(remote=lambda *given: self._submit(function, given))

        return decorate

    def _submit(self, function, given) -> int:
        self.made += 1
        self.waiting.append((self.made, function, given))
        return self.made

    def wait(self, references, *, num_returns: int, timeout: float):
        assert 0 < len(references) <= 4
        assert timeout > 0
        return references[-num_returns:], references[:-num_returns]  # The last given out ends first.

    def get(self, reference: int):
        function, given = next(
            (function, given) for made, function, given in self.waiting if made == reference
        )
        if "killer" in given[1]:
            raise RayError
        return function(*given)

    def cancel(self, reference: int, *, force: bool) -> None:
        assert force
        self.cancelled.append(reference)


@pytest.fixture
def cluster(monkeypatch):
    made = Cluster()
    monkeypatch.setattr(scan_ray.socket, "create_connection", lambda *_, **__: SimpleNamespace(close=bool))
    monkeypatch.setitem(sys.modules, "ray", made)
    return made


@pytest.fixture
def store(tmp_path):
    for number in range(300):
        content = HARMFUL if number % 50 == 0 else pickle.dumps([number])
        (tmp_path / f"m-{number:03}.pkl").write_bytes(content)
    return tmp_path


def test_results_and_their_order_are_those_of_one_machine(store, cluster) -> None:
    alone, spread = scan([store]), scan([store], ScanSettings(ray="head:6379"))
    assert spread.files == alone.files
    assert cluster.address == "head:6379"
    assert cluster.made == 10
    assert cluster.options == {"max_retries": 1, "num_cpus": 1}
    assert not cluster.is_up


def test_a_cluster_that_is_in_use_is_left_up(store, cluster) -> None:
    cluster.is_up = True
    assert len(scan([store], ScanSettings(ray="local")).files) == 300
    assert cluster.is_up


def test_a_file_that_ends_its_worker_was_not_analysed_and_the_scan_goes_on(store, cluster) -> None:
    (store / "killer.pkl").write_bytes(HARMFUL)
    report = scan([store], ScanSettings(ray="local"))
    alone = scan([store])
    assert report.files[1:] == alone.files[1:]
    assert report.files[0].path == alone.files[0].path
    assert [gap.reason for gap in report.files[0].gaps] == [GapReason.CRASHED]


def test_what_is_left_when_the_time_is_over_is_cancelled_and_named(store, cluster) -> None:
    ticks = iter([0.0, 0.0, 1.0, 1_000.0, *[1_001.0] * 9])
    report = scan([store], ScanSettings(ray="local", max_seconds=50.0), monotonic=lambda: next(ticks))
    assert len(report.files) == 300
    assert sum(any(gap.reason is GapReason.OUT_OF_TIME for gap in file.gaps) for file in report.files) > 200
    assert cluster.cancelled
    assert not cluster.is_up


def test_a_node_with_another_version_stops_the_scan(store, cluster, monkeypatch) -> None:
    monkeypatch.setattr(scan_ray, "look", lambda *_: ("0.0.0", []))
    with pytest.raises(KeelmarkError, match=r"has Keelmark 0\.0\.0"):
        scan([store], ScanSettings(ray="local"))
    assert not cluster.is_up


def test_a_cluster_that_cannot_be_reached_is_an_error(store, cluster) -> None:
    with pytest.raises(UsageError, match="no Ray cluster at `nowhere:1`: refused"):
        scan([store], ScanSettings(ray="nowhere:1"))


def test_an_address_where_nobody_listens_is_an_error_at_once(store, cluster, monkeypatch) -> None:
    def refuse(address: tuple[str, int], timeout: float) -> None:
        assert address == ("head", 6379)
        assert timeout > 0
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(scan_ray.socket, "create_connection", refuse)
    with pytest.raises(UsageError, match="no Ray cluster at `ray://head:6379`"):
        scan([store], ScanSettings(ray="ray://head:6379"))
    assert not cluster.address


def test_without_ray_the_extra_is_named(store, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray is not installed") as caught:
        scan([store], ScanSettings(ray="local"))
    assert "keelmark[ray]" in caught.value.hint


def test_processes_and_a_cluster_exclude_each_other(store) -> None:
    with pytest.raises(UsageError, match="not both"):
        scan([store], ScanSettings(ray="local", jobs=2))


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (["--ray"], "local"),
        (["--ray", "-q"], "local"),
        (["--ray", "auto"], "auto"),
        (["--ray", "head:6379"], "head:6379"),
        (["--ray=ray://head:10001"], "ray://head:10001"),
    ],
)
def test_the_command_line_names_the_cluster(store, cluster, capsys, *, arguments, address) -> None:
    assert run(["scan", str(store), *arguments]) == 1
    assert cluster.address == address
    assert run(["scan", *arguments, str(store)]) == 1
    assert "6 of 300 artefacts" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs the extra `ray`: pip install 'keelmark[ray]'"
)
def test_a_real_cluster_says_the_same(store) -> None:
    import ray

    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    try:
        assert scan([store], ScanSettings(ray="local")).files == scan([store]).files
    finally:
        ray.shutdown()
