"""Asks a running gateway what its descriptions in OpenAPI say can be asked, and much that they say cannot, with schemathesis.

    make test-api                                        # installs schemathesis in an environment of its own first
    python tools/probe_api.py --program schemathesis --examples 200

Control plane: `openapi.json` as it serves it. Interfaces of callers: `tools/api/callers.json`. Whatever is answered must be a
status, a media type and a body that the description knows; nothing may fail inside; nothing is open without a credential.
`POST /v1/drain` is left out: it ends the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_peers.targets import free_port
from soak.model import Model
from soak.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parent
# Whether data that fits must be taken depends on keys, approvals and switches that stand in no description.
STATEFUL = "positive_data_acceptance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of schemathesis.

    Attributes:
        name: Of it, for people.
        location: Of the description.
        url: Of what is described.
        token: That is shown.
        more: Further options.
    """

    name: str
    location: str
    url: str
    token: str
    more: tuple[str, ...] = ()


def runs(port: int, key: str, control: int, token: str) -> Iterator[Run]:
    """What is asked, in order."""
    base = f"http://127.0.0.1:{control}"
    described = f"{base}/openapi.json"
    yield Run(
        name="callers",
        location=str(HERE / "api" / "callers.json"),
        url=f"http://127.0.0.1:{port}",
        token=key,
    )
    yield Run(
        name="control plane",
        location=described,
        url=base,
        token=token,
        more=("--exclude-operation-id", "drain"),
    )


def settings_of(upstream: int, control: int) -> str:
    """Everything on, and the control plane on a port as well."""
    return (
        (HERE / "soak" / "gateway.yaml")
        .read_text(encoding="utf-8")
        .replace("@UPSTREAM@", str(upstream))
        .replace('log_key: "file:@LOG_KEY@"\n', "")
        .replace(
            "release:",
            f'control: {{host: 127.0.0.1, port: {control}, token: "env:CONTROL_TOKEN"}}\nrelease:',
            1,
        )
    )


def probe(run: Run, asked: argparse.Namespace) -> int:
    """One run; its exit code."""
    command = [
        *(
            asked.program,
            "run",
            run.location,
            "--url",
            run.url,
            "--header",
            f"Authorization: Bearer {run.token}",
        ),
        *("--checks", "all", "--exclude-checks", STATEFUL, "--max-examples", str(asked.examples)),
        *("--seed", str(asked.seed), "--no-color", *run.more),
    ]
    print(f"{run.name}", flush=True)
    return subprocess.run(command, check=False, cwd=asked.folder).returncode


def modelled() -> int:
    """A model on loopback, in a thread that ends with the process; its port."""
    ready: list[int] = []
    begun = threading.Event()

    async def forever() -> None:
        async with Model() as model:
            ready.append(model.port)
            begun.set()
            await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(forever()), daemon=True).start()
    begun.wait()
    return ready[0]


def main() -> int:
    """Start everything, ask, and say whether all was as described."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--program", default=str(ROOT / ".bench" / "api" / "bin" / "schemathesis"))
    parser.add_argument("--examples", type=int, default=100, help="of each operation")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    control, token = free_port(), secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="kp") as made:
        asked.folder = Path(made)
        with served(
            Path(made), settings=settings_of(modelled(), control), environment={"CONTROL_TOKEN": token}
        ) as gateway:
            failed = [
                each.name for each in runs(gateway.port, gateway.key, control, token) if probe(each, asked)
            ]
    print(f"failed: {', '.join(failed)}" if failed else "passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
