"""The emergency switch over several machines: a disconnection reaches all, and nothing but a reconnection ends it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keelmark.core.clock import FixedClock
from keelmark.errors import ConfigurationError, StoreError
from keelmark.gateway.control.disconnect import FILE, Disconnection, Note
from keelmark.store.register_postgres import PostgresRegister
from keelmark.store.register_redis import RedisRegister
from keelmark.workflows.serve_switch import Known, SharedSwitch, Step, Told, step_of, switch_register

CLOCK = FixedClock(datetime(2026, 1, 31, 12, tzinfo=UTC))
NOTE = Note("disconnect", "", "leaked key", "Head")
HERE, ELSE = "here", "else"


class Shared:
    """What a server holds."""

    def __init__(self) -> None:
        self.content: bytes | None = None


class Register:
    """One machine's way to it."""

    def __init__(self, shared: Shared) -> None:
        self.shared, self.is_away, self.looks, self.is_closed = shared, False, 0, False

    def look(self) -> bytes | None:
        self.looks += 1
        if self.is_away:
            raise StoreError("shared disconnection: TimeoutError")
        return self.shared.content

    def swap(self, seen: bytes | None, new: bytes) -> bool:
        if self.is_away:
            raise StoreError("shared disconnection: TimeoutError")
        if self.shared.content != seen:
            return False
        self.shared.content = new
        return True

    def close(self) -> None:
        self.is_closed = True


class Machine:
    """A gateway in a folder of its own."""

    def __init__(self, root: Path, shared: Shared, name: str = "a") -> None:
        root.mkdir(exist_ok=True)
        self.root, self.name, self.shared = root, name, shared
        self.records: list[tuple[str, str, str]] = []
        self.said: list[str] = []
        self.record_fails = False
        self.start()

    def start(self) -> None:
        self.switch = Disconnection(self.root / FILE, clock=CLOCK)
        self.register = Register(self.shared)
        self.others = SharedSwitch(
            self.switch,
            self.register,
            root=self.root,
            record=self.record,
            said=self.said.append,
            machine=self.name,
        )

    async def record(self, action: str, who: str, reason: str) -> None:
        if self.record_fails:
            raise StoreError("the log is full")
        self.records.append((action, who, reason))

    def restart(self) -> None:
        self.others.close()
        self.start()

    def look(self) -> bool:
        asyncio.run(self.others.look())
        return self.switch.poll()

    def disconnect(self, reason: str = "leaked key") -> None:
        self.switch.disconnect(reason, "Head", by="uid 7")

    def reconnect(self) -> None:
        self.switch.reconnect("key replaced", "Head", by="uid 7")


@pytest.fixture
def machines(tmp_path: Path):
    shared = Shared()
    found = [Machine(tmp_path / name, shared, name) for name in "ab"]
    yield found
    for each in found:
        each.others.close()


def test_it_reaches_the_other_machine_which_records_who_where_and_why(machines) -> None:
    one, two = machines
    assert [each.look() for each in machines] == [False, False]
    one.disconnect()
    assert one.look()
    assert two.look()
    assert two.switch.note == Note("disconnect", "2026-01-31T12:00:00Z", "leaked key", "Head", "uid 7 on a")
    assert two.records == [("disconnect", "Head (uid 7 on a)", "leaked key")]
    assert two.said == ["disconnected by a: leaked key (Head)"]
    # Its other workers look at the file.
    assert Disconnection(two.root / FILE, clock=CLOCK).is_on
    two.reconnect()
    assert not two.look()
    assert not one.look()
    assert one.records == [("reconnect", "Head (uid 7 on b)", "key replaced")]
    assert [each.look() for each in machines] == [False, False]
    assert "reconnect" in (one.root / ".keelmark" / "disconnections.jsonl").read_text()


def test_where_nothing_happens_nothing_is_written(machines) -> None:
    for each in (*machines, *machines):
        each.look()
    assert machines[0].shared.content is None
    assert not any((each.root / f"{FILE}.shared").exists() for each in machines)


def test_while_the_register_is_away_the_file_counts_and_it_is_told_once(machines) -> None:
    one, two = machines
    one.disconnect()
    one.look()
    two.look()
    for each in machines:
        each.register.is_away = True
    assert [each.look() for each in (one, two, two)] == [True, True, True]
    assert sum("not shared" in line for line in two.said) == 1
    two.reconnect()
    assert not two.look()
    assert one.look()
    for each in machines:
        each.register.is_away = False
    assert not two.look()
    assert not one.look()
    assert two.said[-1] == "disconnections are shared with other machines again"


def test_a_disconnection_that_was_not_told_wins_over_a_reconnection_elsewhere(machines) -> None:
    one, two = machines
    one.disconnect()
    one.look()
    two.look()
    two.register.is_away = True
    two.disconnect("another reason")  # Everything was refused there already.
    one.reconnect()
    assert not one.look()
    two.register.is_away = False
    assert two.look()
    assert one.look()


def test_a_reconnection_ends_a_disconnection_that_it_knew_of(machines) -> None:
    one, two = machines
    one.disconnect()
    one.look()
    two.look()
    two.restart()  # It was off meanwhile.
    one.reconnect()
    one.look()
    assert not two.look()


def test_a_machine_that_was_off_or_is_new_learns_of_a_disconnection(machines, tmp_path: Path) -> None:
    one, two = machines
    two.restart()
    one.disconnect()
    one.look()
    assert two.look()
    three = Machine(tmp_path / "c", one.shared, "c")
    assert three.look()
    three.others.close()


@pytest.mark.parametrize("before", [None, "set back"])
def test_a_register_that_was_emptied_or_set_back_reconnects_nobody(machines, before) -> None:
    one, two = machines
    if before:
        one.disconnect()
        one.look()
        one.reconnect()
        one.look()
        two.look()
        before = one.shared.content
    two.disconnect()
    two.look()
    assert one.look()
    one.shared.content = before
    assert one.look()
    assert two.look()
    two.reconnect()
    assert not two.look()
    assert not one.look()


def test_what_cannot_be_read_says_nothing_and_is_put_right_by_the_next_who_disconnects(machines) -> None:
    one, two = machines
    one.shared.content = b"\xff no words"
    assert [each.look() for each in machines] == [False, False]
    assert "cannot be read" in one.said[0]
    one.disconnect()
    one.look()
    assert two.look()


def test_files_laid_and_removed_by_hand_count_as_well(machines) -> None:
    one, two = machines
    (one.root / ".keelmark").mkdir(exist_ok=True)
    (one.root / FILE).touch()
    assert one.look()
    assert two.look()
    assert two.switch.note is not None
    assert two.switch.note.owner == "not known"
    (two.root / FILE).unlink()
    assert not two.look()
    assert not one.look()
    assert one.records[-1] == ("reconnect", "not known (not known on b)", "the file was removed")


def test_a_disconnection_that_cannot_be_recorded_is_done_and_a_reconnection_is_not_until_it_can(
    machines,
) -> None:
    one, two = machines
    two.record_fails = True
    one.disconnect()
    one.look()
    assert two.look()
    one.reconnect()
    one.look()
    assert [two.look() for _ in range(3)] == [True] * 3
    assert two.records == []
    two.record_fails = False
    assert not two.look()
    assert [action for action, _, _ in two.records] == ["reconnect"]


def test_who_disconnects_while_a_reconnection_is_recorded_wins(machines) -> None:
    one, two = machines
    one.disconnect()
    one.look()
    two.look()
    one.reconnect()
    one.look()
    record = two.record

    async def slow(*words: str) -> None:
        await record(*words)
        two.disconnect("another reason")

    two.others._record = slow
    assert two.look()
    two.others._record = record
    assert two.look()
    assert one.look()


def test_one_worker_of_a_machine_looks_and_another_when_it_is_gone(tmp_path: Path) -> None:
    shared = Shared()
    one, two = Machine(tmp_path / "a", shared), Machine(tmp_path / "a", shared)
    one.look()
    two.look()
    assert (one.register.looks, two.register.looks) == (1, 0)
    one.disconnect()
    one.look()
    one.others.close()
    assert one.register.is_closed
    two.look()
    assert two.register.looks == 1
    # It goes on from what the other one had agreed on: a reconnection elsewhere is believed.
    away = Machine(tmp_path / "b", shared, "b")
    away.look()
    away.reconnect()
    away.look()
    assert not two.look()
    for each in (two, away):
        each.others.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".keelmark").touch()
    one = Machine(tmp_path / "a", Shared())
    asyncio.run(one.others.look())
    assert "not shared" in one.said[0]
    assert one.register.looks == 0


def test_words_of_others_are_kept_within_bounds(machines) -> None:
    one, two = machines
    note = Note("disconnect", "", "  ", "o" * 5_000, "b" * 5_000)
    one.shared.content = msgspec.json.encode(Told(1, "x", True, note, "m" * 5_000))
    assert two.look()
    assert two.switch.note is not None
    assert (two.switch.note.reason, len(two.switch.note.owner)) == ("not told", 200)
    assert len(two.records[0][1]) == 200


AGREED_ON = Known(5, "x", is_on=True, mark=HERE)
AGREED_OFF = Known(5, "x")


def told(number: int, *, is_on: bool, of: str = "y") -> Told:
    return Told(number, of, is_on, NOTE)


@pytest.mark.parametrize(
    ("is_on", "mark", "known", "said", "step"),
    [
        (False, "", Known(), None, Step.NOTHING),
        (True, HERE, Known(), None, Step.TELL),
        (False, "", AGREED_OFF, None, Step.NOTHING),
        (False, "", AGREED_ON, None, Step.TELL),
        (True, HERE, AGREED_ON, None, Step.TELL),
        (True, HERE, AGREED_ON, told(5, is_on=True, of="x"), Step.NOTHING),
        (True, ELSE, AGREED_ON, told(5, is_on=True, of="x"), Step.TELL),
        (False, "", AGREED_ON, told(5, is_on=True, of="x"), Step.TELL),
        (False, "", AGREED_OFF, told(5, is_on=False, of="x"), Step.NOTHING),
        (True, HERE, AGREED_OFF, told(5, is_on=False, of="x"), Step.TELL),
        (False, "", AGREED_OFF, told(6, is_on=True), Step.DISCONNECT),
        (False, "", AGREED_OFF, told(4, is_on=True), Step.DISCONNECT),
        (False, "", AGREED_ON, told(6, is_on=True), Step.DISCONNECT),
        (True, HERE, AGREED_ON, told(6, is_on=True), Step.ADOPT),
        (True, HERE, AGREED_OFF, told(6, is_on=True), Step.TELL),
        (False, "", AGREED_OFF, told(6, is_on=False), Step.ADOPT),
        (True, HERE, AGREED_ON, told(6, is_on=False), Step.RECONNECT),
        (True, ELSE, AGREED_ON, told(6, is_on=False), Step.TELL),
        (True, HERE, AGREED_OFF, told(6, is_on=False), Step.TELL),
        (True, HERE, AGREED_ON, told(5, is_on=False), Step.TELL),
        (True, HERE, AGREED_ON, told(4, is_on=False), Step.TELL),
    ],
)
def test_in_doubt_it_is_disconnected(is_on, mark, known, said, step) -> None:  # noqa: PLR0917 - one row
    assert step_of(is_on=is_on, mark=mark, known=known, told=said) is step


ACTS = ("disconnect", "reconnect", "look", "look", "leave", "return", "restart")
STRIKES = st.tuples(
    st.sampled_from((*ACTS, "empty")) | st.sampled_from((*ACTS, "set back")), st.integers(0, 2)
)


class Cluster:
    """Three machines, and what befalls them."""

    def __init__(self, place: str) -> None:
        self.shared, self.before = Shared(), [None]
        self.machines = [Machine(Path(place) / str(number), self.shared, str(number)) for number in range(3)]
        self.last = ""

    def act(self, act: str, machine: Machine) -> None:
        if act == "disconnect":
            machine.disconnect()
            self.last = act
        elif act == "reconnect" and machine.switch.poll():
            machine.reconnect()
            self.last = act
        elif act == "look":
            machine.look()
            if self.shared.content != self.before[-1]:
                self.before.append(self.shared.content)
        elif act in {"leave", "return"}:
            machine.register.is_away = act == "leave"
        elif act == "restart":
            machine.restart()
        elif act == "empty":
            self.shared.content, self.before = None, [None]
        elif act == "set back" and len(self.before) > 1:
            self.before.pop()
            self.shared.content = self.before[-1]

    def settled(self) -> set[bool]:
        """How the switches stand when all can be reached, and have looked often enough."""
        for machine in self.machines:
            machine.register.is_away = False
        for _ in range(4):
            for machine in self.machines:
                machine.look()
        return {machine.switch.poll() for machine in self.machines}


@settings(max_examples=50)
@example([("disconnect", 1), ("look", 1), ("reconnect", 1), ("disconnect", 0)])
@given(st.lists(STRIKES, max_size=20))
def test_whatever_happens_only_a_reconnection_ends_a_disconnection_and_in_the_end_all_agree(acts) -> None:
    with TemporaryDirectory() as place:
        cluster = Cluster(place)
        for act, number in acts:
            cluster.act(act, cluster.machines[number])
            assert cluster.last != "disconnect" or any(each.switch.poll() for each in cluster.machines)
        stands = cluster.settled()
        for machine in cluster.machines:
            machine.others.close()
        assert len(stands) == 1
        assert stands == {True} or cluster.last != "disconnect"
        assert stands == {False} or "disconnect" in {act for act, _ in acts}


# Which store


def named(*, url: str = "", keys: str = ".keelmark/access/keys.json") -> SimpleNamespace:
    shared = SimpleNamespace(url=url, name="g", timeout_s=0.25)
    return SimpleNamespace(limits=SimpleNamespace(shared=shared), access=SimpleNamespace(keys=keys))


def test_the_store_that_the_settings_name_for_sharing_is_used(tmp_path: Path) -> None:
    variables = {"R": "redis://localhost", "P": "postgresql://localhost/keys"}

    def of(**words: str):
        return switch_register(named(**words), root=tmp_path, environment=variables)

    assert of() is None
    assert isinstance(of(url="env:R"), RedisRegister)
    assert isinstance(of(keys="env:P"), PostgresRegister)
    assert isinstance(of(url="env:R", keys="env:P"), RedisRegister)
    with pytest.raises(ConfigurationError, match="`NONE` is not set"):
        of(keys="env:NONE")
    with pytest.raises(ConfigurationError):
        of(url="env:NONE")
