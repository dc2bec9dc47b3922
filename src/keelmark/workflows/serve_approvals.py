"""Approvals of single calls of tools: over all workers, and where a store is shared over all machines.

1. The path of requests asks the store only where a call needs an approval. A store that cannot be asked approves nothing.
2. What waits is put down by a thread of its own, behind the answer; when too much is put down at once, who asks again is heard.
3. A person decides on what was put down before they looked, and sees all of it; what is too long for that is not put down.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.approvals import Approval
from keelmark.errors import KeelmarkError, StoreError
from keelmark.gateway.worker_metrics import private_folder
from keelmark.store.approvals_sqlite import SqliteApprovals
from keelmark.workflows.serve_parts import cluster_for, secret_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    from keelmark.core.approvals import ApprovalStore
    from keelmark.core.exchange import Exchange
    from keelmark.deployment.protection.limit_settings import SharedLimitSettings

__all__ = ["ApprovalDesk", "approval_store"]

_FILE = ".keelmark/approvals/approvals.db"
_MAX_ARGUMENTS = 32 * 1024
_MAX_PENDING = 200
_ENCODER = msgspec.json.Encoder(order="sorted")


def approval_store(
    shared: SharedLimitSettings, *, root: Path, environment: Mapping[str, str] | None = None
) -> ApprovalStore:
    """Where approvals are kept: on the server that limits are shared through, else in a file for all workers of the machine.

    Args:
        shared: How limits are shared.
        root: The folder of the gateway.
        environment: Variables that name credentials.

    Raises:
        ConfigurationError: The address of the server is not there or not sound.
        UsageError: The extra `cluster` is not installed.
    """
    if not shared.url:
        file = root / _FILE
        return SqliteApprovals(file, ready=lambda: private_folder(file.parent))
    with cluster_for("shared approvals"):
        from keelmark.store.approvals_redis import RedisApprovals  # noqa: PLC0415 - its client is a part of an extra
    url = secret_from(shared.url, root=root, environment=environment)
    return RedisApprovals(url, name=shared.name, timeout_s=shared.timeout_s)


class ApprovalDesk:
    """What one worker puts down and takes, and what a person sees and decides.

    Args:
        store: Where it is kept.
        told: Takes what the operator should know.
    """

    def __init__(self, store: ApprovalStore, *, told: Callable[[str], None] = lambda _: None) -> None:
        self._store, self._told = store, told
        self._thread = ThreadPoolExecutor(1, "keelmark-approvals")
        self._pending = threading.Semaphore(_MAX_PENDING)
        self._is_failing = self._is_long_told = False

    def take(self, principal: str, digest: str) -> bool:
        """Use up the approval of a caller for a tool with arguments; False when there is none, or nobody can tell."""
        try:
            is_taken = self._store.take(principal, digest)
        except KeelmarkError as error:
            self._fails(error)
            return False
        self._is_failing = False
        return is_taken

    def note(self, exchange: Exchange) -> None:
        """Put what was asked for on the desk, soon: by a caller, or by a model in its answer."""
        digest, use = exchange.facts.get("to_approve"), exchange.facts.get("use_to_approve")
        principal = exchange.principal
        if not digest or use is None or principal is None:
            return
        arguments = _ENCODER.encode(use.arguments)
        if len(arguments) > _MAX_ARGUMENTS:
            self._tell_long()
            return
        asked = Approval(
            id=secrets.token_hex(16),
            asked=exchange.started.isoformat(),
            principal=principal.id,
            subject=use.name,
            reason="needs-approval",
            digest=digest,
            arguments=arguments.decode(),
        )
        if self._pending.acquire(blocking=False):
            self._thread.submit(self._put, asked)

    async def waiting(self) -> Sequence[Approval]:
        """What was not decided yet, oldest first.

        Raises:
            StoreError: It cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._store.waiting)

    async def decide(
        self,
        id: str,  # noqa: A002 - as the interface calls it
        decision: Literal["allow", "deny"],
        *,
        owner: str,
        reason: str,
        by: str,
    ) -> bool:
        """Decide once; whether there was something of that id that waited.

        Raises:
            StoreError: It cannot be told whether it was done.
        """
        del owner, reason, by  # They are recorded by who asks.
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._store.decide(id, is_allowed=decision == "allow")
        )

    def close(self) -> None:
        """Let go of the store; what was not put down yet is forgotten."""
        self._thread.shutdown(cancel_futures=True)
        self._store.close()

    def _put(self, asked: Approval) -> None:
        try:
            self._store.put(asked)
        except KeelmarkError as error:
            self._fails(error)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: who asked for it was refused already
            self._fails(StoreError(f"an approval cannot be asked for ({type(error).__name__})"))
        finally:
            self._pending.release()

    def _tell_long(self) -> None:
        """Nobody approves what they cannot see as a whole."""
        if not self._is_long_told:
            self._is_long_told = True
            self._told(f"arguments of more than {_MAX_ARGUMENTS} bytes cannot be approved")

    def _fails(self, error: KeelmarkError) -> None:
        """Tell it once, until it works again."""
        if not self._is_failing:
            self._is_failing = True
            self._told(f"nothing is approved: {error.message}")
