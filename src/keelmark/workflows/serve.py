"""Serves: one process that answers requests, with everything that goes on beside them.

The promises, each with a test:

1. Nothing is served before the release was verified and the log opened.
2. A configuration is put in force as a whole; one that is not sound changes nothing, and is told.
3. Files and records of the release are looked at again at least each second or as often as that takes a twentieth of the
   time; the switch that disconnects twice a second; API keys likewise.
4. Stopping lets requests under way end, for a bounded time, and closes the log last.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.config.gateway import GatewaySettings, parse
from keelmark.deployment.release.stage_released import InForce, ReleaseBook
from keelmark.errors import ConfigurationError, KeelmarkError, LimitExceededError
from keelmark.gateway.answers import Answers
from keelmark.gateway.control.api import ControlApi
from keelmark.gateway.control.disconnect import FILE, Disconnection, DisconnectStage
from keelmark.gateway.control.listening import listen
from keelmark.gateway.control.ports import GatewayState, Standing
from keelmark.gateway.http.server import Server
from keelmark.gateway.metrics import Gauges, Metrics
from keelmark.gateway.worker_metrics import WorkerFile, WorkerReader, private_folder
from keelmark.operation.behaviour.stage_record import Recorder
from keelmark.operation.inputs.taint import TaintMemory
from keelmark.store.durable import read_bounded
from keelmark.trust.keys import load_private, load_public
from keelmark.workflows.access_keys import key_place
from keelmark.workflows.log import LOG_FOLDER
from keelmark.workflows.log_keys import read_file
from keelmark.workflows.release_watch import ReleaseWatch, WatchSettings
from keelmark.workflows.request_log import head_publisher, open_worker_log
from keelmark.workflows.serve_approvals import ApprovalDesk, approval_store
from keelmark.workflows.serve_credentials import registrar_of
from keelmark.workflows.serve_growth import ServedGrowth
from keelmark.workflows.serve_limits import ServedLimits
from keelmark.workflows.serve_line import Built, Lasting, build
from keelmark.workflows.serve_notes import notes_of
from keelmark.workflows.serve_operators import Everyone, KeyDesk, recorded
from keelmark.workflows.serve_parts import bound_socket, content_keeper, ended, listener_tls, secret_from
from keelmark.workflows.serve_settings import SettingsInForce
from keelmark.workflows.serve_state import release_of, state_of
from keelmark.workflows.serve_switch import SharedSwitch, switch_register
from keelmark.workflows.serve_telemetry import servers_of, telemetry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from keelmark.core.clock import Clock
    from keelmark.core.exchange import Exchange
    from keelmark.core.release import ReleaseVerification
    from keelmark.core.request_log import ChainHead
    from keelmark.core.route import Route
    from keelmark.core.secret import Secret

__all__ = ["ServeRequest", "Worker"]

_MAX_SETTINGS_BYTES = 1024 * 1024
_MAX_KEY_BYTES = 64 * 1024
_LOOK_S, _LOOK_SHARE = 1.0, 20.0
_OLD_LINE_S = 660.0
_NUMBERS = ".keelmark/control/numbers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """What to serve.

    Attributes:
        file: The settings.
        root: The folder that relative paths start from.
        name: Of this worker.
        port: Instead of the one in the settings; None for that.
        is_first: Whether the control plane is this worker's.
        is_shared: Whether others listen on the same port.
    """

    file: Path
    root: Path
    name: str = "worker-0"
    port: int | None = None
    is_first: bool = True
    is_shared: bool = False


class Worker:
    """One process that serves.

    Args:
        request: What to serve.
        clock: Says what time it is.
        environment: Variables that name credentials; None for those of the process.
        told: Takes what the operator should know.
    """

    def __init__(
        self,
        request: ServeRequest,
        *,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._request, self._clock, self._environment, self._told = request, clock, environment, told
        self.settings = self.settings_of(request.file, clock=clock)
        self.book = ReleaseBook()
        self._in_force = SettingsInForce(request.file, request.root)
        self.address: tuple[str, int] = ("", 0)
        self._numbers = request.root / _NUMBERS
        self.switch = Disconnection(request.root / FILE, clock=clock)
        self._watch = self._watching()
        self._log = open_worker_log(request.root, worker=request.name, clock=clock, publish=self._publisher())
        self._started = clock.now()
        self._taint = TaintMemory()
        self._is_draining = False
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: asyncio.Task[None] | None = None
        self._left: list[Built] = []
        self._control: tuple[Server, ...] = ()
        try:
            shared = self.settings.limits.shared
            self._desk = ApprovalDesk(
                approval_store(shared, root=request.root, environment=environment), told=told
            )
            self._limits = ServedLimits(self.settings.limits, root=request.root, environment=environment)
            self._growth = ServedGrowth(
                request.root, worker=request.name, workers=self.settings.listen.workers, told=told
            )
            self._recorder = Recorder(
                self._log,
                settings=self.settings.record,
                clock=clock,
                keep=content_keeper(self.settings, request.root),
                now_ns=time.perf_counter_ns,
            )
            self._registrar = registrar_of(
                self.settings.credentials, request.root, worker=request.name, clock=clock, told=told
            )
            read = self._in_force.digest(self.settings)
            self._built = self._build(self.settings)
            self._in_force.took(self.settings, read)
            register = switch_register(self.settings, root=request.root, environment=environment)
            self._others = None
            if register is not None:
                record = recorded(self._log, clock)
                self._others = SharedSwitch(
                    self.switch, register, root=request.root, record=record, said=told
                )
            self._telemetry = telemetry_of(
                self.settings, worker=request.name, root=request.root, environment=environment
            )
        except BaseException:
            self._log.close()
            raise
        self.metrics = self._metrics()
        self._answers = Answers(
            self._built.line, record=self._over, clock=clock, keeps_content=self._recorder.keeps_content
        )
        self.server = Server(self._answers)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, request: ServeRequest, *, clock: Clock, told: Callable[[str], None]) -> Iterator[Self]:
        """A worker that takes no requests, closed at the end of the block."""
        worker = cls(request, clock=clock, told=told)
        try:
            yield worker
        finally:
            worker.close()

    @staticmethod
    def settings_of(file: Path, *, clock: Clock) -> GatewaySettings:
        """The settings in a file.

        Raises:
            ConfigurationError: They cannot be read, or do not fit.
        """
        try:
            text = read_bounded(file, _MAX_SETTINGS_BYTES).decode("utf-8")
        except (OSError, LimitExceededError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"`{file}` cannot be read: {error}", path=str(file)) from error
        return parse(text, path=str(file), today=clock.now().date())

    @property
    def routes(self) -> tuple[Route, ...]:
        """What callers can name."""
        return self._built.routes

    # Life

    def look(self) -> InForce:
        """Look at the release; what is in force then."""
        return self.book.page if self._watch is None else self._watch.look()

    def close(self) -> None:
        """Close what was opened, when nothing is served any more."""
        self._growth.close()
        self._desk.close()
        if self._others is not None:
            self._others.close()
        if self._registrar is not None:
            self._registrar.close()
        self._recorder.close()
        self._log.close()

    async def start(self) -> None:
        """Verify the release, then take requests.

        Raises:
            KeelmarkError: Something that the settings name cannot be used.
        """
        await asyncio.to_thread(self.look)
        if self._others is not None:
            await self._others.look()
        listener = self.settings.listen
        port = listener.port if self._request.port is None else self._request.port
        sock = bound_socket(listener.host, port, is_shared=self._request.is_shared)
        self.address = sock.getsockname()[:2]
        await self.server.listen(sock=sock, tls=listener_tls(listener.tls, root=self._request.root))
        control = self.settings.control
        token = self._secret(control.token) if control.token else None
        if self._request.is_shared:
            # Each by itself: folders above the one that is asked for would be open to others.
            private_folder(self._numbers.parent)
            private_folder(self._numbers)
        if self._request.is_first:
            self._control = await listen(self._api(), control, root=self._request.root, token=token)
        self._tasks = [
            asyncio.create_task(each) for each in (self._looking(), self.switch.watch(), self._limits.keep())
        ]
        if self._others is not None:
            self._tasks.append(asyncio.create_task(self._others.keep()))
        if self._request.is_shared:
            self._tasks.append(asyncio.create_task(WorkerFile(self._numbers, self.metrics.snapshot).keep()))
        if self._built.tokens is not None:
            self._built.tokens.start(time.monotonic_ns())

    async def stop(self) -> None:
        """Let requests under way end, then close everything; it ends whatever fails on the way."""
        try:
            await self._stop()
        finally:
            self._stopped.set()

    async def _stop(self) -> None:
        self._is_draining = True
        await self.server.close()
        await ended(self._tasks)
        for control in self._control:
            await control.close()
        for each in (self._built, *self._left):
            await each.close()
        await self._limits.close()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)
        self.close()

    async def served(self) -> None:
        """Wait until it was stopped.

        Raises:
            KeelmarkError: Something could not be closed: the log, which may lack what was taken last.
        """
        await self._stopped.wait()
        if self._stopping is not None:
            await self._stopping

    # For the control plane

    def standing(self) -> Standing:
        """What readiness depends on."""
        return Standing(
            release=release_of(self._page()),
            is_log_writable=self._recorder.is_available,
            upstreams=len(self._built.line.upstreams),
            is_draining=self._is_draining,
        )

    async def state(self) -> GatewayState:
        """How it stands."""
        return state_of(
            self._page(),
            self._built,
            limits=self._limits,
            started=self._started,
            connections=len(self.server.connections),
            in_flight=self.server.under_way,
        )

    async def reload(self) -> str:
        """Read the settings again and put them in force as a whole.

        Raises:
            KeelmarkError: They are not sound; the old ones are still in force.
        """
        settings = await asyncio.to_thread(self.settings_of, self._request.file, clock=self._clock)
        if settings.listen != self.settings.listen or settings.control != self.settings.control:
            raise ConfigurationError("`listen` and `control` change with a restart only")
        if settings.release != self.settings.release or settings.record != self.settings.record:
            raise ConfigurationError("`release` and `record` change with a restart only")
        if settings.credentials.fingerprints != self.settings.credentials.fingerprints:
            raise ConfigurationError("`credentials.fingerprints` changes with a restart only")
        if settings.telemetry != self.settings.telemetry:
            raise ConfigurationError("`telemetry` changes with a restart only")
        read = await asyncio.to_thread(self._in_force.digest, settings)
        built = await asyncio.to_thread(self._build, settings)
        old, self._built, self.settings = self._built, built, settings
        self._answers.line = built.line
        self._in_force.took(settings, read)
        if self._watch is not None:
            await asyncio.to_thread(self._watch.forget)
        if self._telemetry is not None:
            self._telemetry.servers = servers_of(settings)
        self._left.append(old)
        asyncio.get_running_loop().call_later(_OLD_LINE_S, lambda: asyncio.ensure_future(self._let_go(old)))
        count = len(built.routes)
        words = "1 route is in force" if count == 1 else f"{count} routes are in force"
        self._told(words)
        return words

    async def _let_go(self, old: Built) -> None:
        if old in self._left:
            self._left.remove(old)
            await old.close()

    async def reload_or_tell(self) -> bool:
        """Read the settings again; whether they are in force. What is wrong with them is told."""
        try:
            await self.reload()
        except KeelmarkError as error:
            place = f" ({error.place})" if error.place else ""
            words = (
                "nothing is served until they are" if self._in_force.is_behind else "the old ones still are"
            )
            self._told(f"settings were not put in force: {error.message}{place}; {words}")
            return False
        return True

    async def drain(self) -> None:
        """Begin to stop."""
        if not self._is_draining:
            self._is_draining = True
            self._stopping = asyncio.create_task(self.stop())

    # Inside

    def _build(self, settings: GatewaySettings) -> Built:
        lasting = Lasting(
            root=self._request.root,
            book=self.book,
            recorder=self._recorder,
            first=DisconnectStage(self.switch),
            approvals=self._desk,
            limits=self._limits,
            measures=self._growth.measures,
            taint=self._taint,
            noted_characters=self._registrar.max_characters if self._registrar is not None else 0,
            environment=self._environment,
        )
        built = build(settings, lasting)
        for note in built.notes:
            self._told(note)
        return built

    def _publisher(self) -> Callable[[ChainHead], None] | None:
        """Heads go into the transparency log where there is one, or where its key is named."""
        source, root = self.settings.log_key, self._request.root
        if not source and not (root / LOG_FOLDER).is_dir():
            return None
        key = load_private(self._secret(source).reveal()) if source else None
        return head_publisher(root, key=key, clock=self._clock)

    def _secret(self, source: str) -> Secret:
        return secret_from(source, root=self._request.root, environment=self._environment)

    def _watching(self) -> ReleaseWatch | None:
        release, root = self.settings.release, self._request.root
        if release.off is not None:
            self._told(f"models are served without a release: {release.off.reason} ({release.off.owner})")
            ends = datetime.combine(release.off.expires, time_of_day.min, tzinfo=UTC).timestamp()
            self.book.page = InForce(reason="", release="none", ends=ends)
            return None
        settings = WatchSettings(
            root=root / release.folder,
            keys=[load_public(read_file(root / each, _MAX_KEY_BYTES)) for each in release.keys],
            also_keys=[load_public(read_file(root / each, _MAX_KEY_BYTES)) for each in release.also_keys],
            release=root / release.file if release.file else None,
            revocations=[root / each for each in release.revocations],
        )
        return ReleaseWatch(
            settings,
            book=self.book,
            clock=self._clock,
            told=self._told_release,
            fits=self._in_force.fits,
        )

    def _told_release(self, found: ReleaseVerification | KeelmarkError) -> None:
        for words in notes_of(found, self.settings, pinned=self._built.pinned):
            self._told(words)

    def _page(self) -> InForce:
        return self.book.page

    async def _looking(self) -> None:
        """Look at the release again and again, whatever one look may do."""
        while True:
            begun = time.monotonic()
            if self._watch is not None:
                with contextlib.suppress(KeelmarkError, OSError):
                    await asyncio.to_thread(self._watch.look)
                if self._in_force.due() and await self.reload_or_tell():
                    continue
            if self._built.ring is not None:
                self._built.ring.poll()
            with contextlib.suppress(OSError):
                self._growth.keep(now_s=time.time())
            await asyncio.sleep(max(_LOOK_S, (time.monotonic() - begun) * _LOOK_SHARE))

    def _over(self, exchange: Exchange) -> None:
        self._recorder.record(exchange)
        if self._registrar is not None:
            self._registrar.note(exchange)
        self.metrics.observe(exchange)
        if self._telemetry is not None:
            self._telemetry.observe(exchange)
        if "to_approve" in exchange.facts:
            self._desk.note(exchange)

    def _metrics(self) -> Metrics:
        return Metrics(
            models=[each.name for each in self._built.routes],
            stages=self._built.line.pipeline.steps,
            gauges=Gauges(
                connections=lambda: len(self.server.connections),
                in_flight=lambda: self.server.under_way,
                log_queue=lambda: self._log.waiting,
                release=lambda: self.book.page.release,
                release_ends=lambda: self.book.page.ends,
                is_disconnected=lambda: self.switch.is_on,
            ),
        )

    def _api(self) -> ControlApi:
        keys = KeyDesk(
            key_place(self.settings.access.keys, root=self._request.root, environment=self._environment),
            ring=lambda: self._built.ring,
            clock=self._clock,
        )
        return ControlApi(
            gateway=Everyone(self, lambda number: os.kill(os.getppid(), number))
            if self._request.is_shared
            else self,
            keys=keys,
            approvals=self._desk,
            disconnection=self.switch,
            record=recorded(self._log, self._clock),
            numbers=WorkerReader(self._numbers).snapshot
            if self._request.is_shared
            else self.metrics.snapshot,
        )
