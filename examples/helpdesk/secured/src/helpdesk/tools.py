"""Tools of the agent: a closed list, checked arguments, the rights of the customer who asks, and no effect without a person."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helpdesk.approvals import Approvals
from helpdesk.integrity import IntegrityError, released_bytes
from helpdesk.orders import Orders
from helpdesk.security import Role
from helpdesk.settings import Settings

MANIFEST = "integrations/shipping_tracker.json"
# What may be diagnosed, by name: the model chooses a name, never an address.
HOSTS = {"shop": ("shop.example.org", 443), "payments": ("payments.example.org", 443)}
MAX_LOG_CHARS = 4_000
MAX_RESULT_CHARS = 4_000


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DiagnosticsArguments(_Arguments):
    """Arguments of run_diagnostics."""

    host: str = Field(pattern="^[a-z]{1,20}$")


class OrderArguments(_Arguments):
    """Arguments of lookup_order."""

    order_id: str = Field(pattern=r"^A-[0-9]{5}$")


class LogArguments(_Arguments):
    """Arguments of read_log."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}\.log$")


class RefundArguments(_Arguments):
    """Arguments of refund_order."""

    order_id: str = Field(pattern=r"^A-[0-9]{5}$")
    amount_cents: int = Field(gt=0, le=50_000)


class ParcelArguments(_Arguments):
    """Arguments of track_parcel."""

    tracking_number: str = Field(pattern="^[A-Z0-9]{8,20}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who asks: fixed by the server before the model says anything."""

    role: Role
    customer: str
    settings: Settings
    orders: Orders
    approvals: Approvals


def run_diagnostics(session: Session, arguments: DiagnosticsArguments) -> str:
    """Check whether one of our services answers."""
    address = HOSTS.get(arguments.host)
    if address is None:
        return f"unknown service; known are {', '.join(sorted(HOSTS))}"
    try:
        with socket.create_connection(address, timeout=3):
            return "answers"
    except OSError:
        return "does not answer"


def lookup_order(session: Session, arguments: OrderArguments) -> str:
    """Status and total of an order of the customer who asks."""
    order = session.orders.find(arguments.order_id, customer=session.customer)
    return json.dumps(order) if order else "no such order of this customer"


def read_log(session: Session, arguments: LogArguments) -> str:
    """The end of a log file. For operators only."""
    if session.role is not Role.OPERATOR:
        return "not allowed"
    folder = session.settings.log_folder.resolve()
    path = (folder / arguments.name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        return "no such log"
    return path.read_text(encoding="utf-8", errors="replace")[-MAX_LOG_CHARS:]


def request_refund(session: Session, arguments: RefundArguments) -> str:
    """Ask a person to pay money back. Nothing is paid here."""
    if session.orders.find(arguments.order_id, customer=session.customer) is None:
        return "no such order of this customer"
    parameters = arguments.model_dump() | {"customer": session.customer}
    number = session.approvals.ask("refund_order", parameters)
    return f"a person of the support team decides about refund request {number}"


def refund_order(
    orders: Orders, approvals: Approvals, arguments: RefundArguments, *, customer: str, approval_token: str
) -> bool:
    """Pay money back. Needs the single-use approval of an operator for exactly this order and amount."""
    approvals.consume(approval_token, "refund_order", arguments.model_dump() | {"customer": customer})
    return orders.refund(arguments.order_id, arguments.amount_cents, customer=customer)


def track_parcel(session: Session, arguments: ParcelArguments) -> str:
    """Where a parcel is, according to the shipping partner."""
    try:
        manifest = json.loads(released_bytes(session.settings.root, MANIFEST))
    except IntegrityError:
        return "refused: the tool was changed and waits for approval"
    try:
        answer = httpx.post(
            manifest["url"],
            json={"tracking_number": arguments.tracking_number},
            timeout=session.settings.timeout_s,
            follow_redirects=False,
        )
        answer.raise_for_status()
    except httpx.HTTPError:
        return "the shipping partner does not answer"
    return answer.text[:MAX_RESULT_CHARS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What the model is told of a tool, and what runs."""

    name: str
    description: str
    arguments: type[_Arguments]
    function: Callable[[Session, _Arguments], str]
    roles: frozenset[Role] = frozenset({Role.PORTAL, Role.OPERATOR})


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="run_diagnostics",
            description="Check whether one of our services answers. host is `shop` or `payments`.",
            arguments=DiagnosticsArguments,
            function=run_diagnostics,
        ),
        Tool(
            name="lookup_order",
            description="Status and total of an order of the customer who asks.",
            arguments=OrderArguments,
            function=lookup_order,
        ),
        Tool(
            name="read_log",
            description="The end of a log file of the helpdesk.",
            arguments=LogArguments,
            function=read_log,
            roles=frozenset({Role.OPERATOR}),
        ),
        Tool(
            name="refund_order",
            description="Ask a person of the support team to pay money back. Nothing is paid by this call.",
            arguments=RefundArguments,
            function=request_refund,
        ),
        Tool(
            name="track_parcel",
            description="Where a parcel is, by its tracking number.",
            arguments=ParcelArguments,
            function=track_parcel,
        ),
    )
}


def definitions(role: Role) -> list[dict]:
    """The tools that this role may use, as the model API wants them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.arguments.model_json_schema(),
            },
        }
        for tool in TOOLS.values()
        if role in tool.roles
    ]


def dispatch(session: Session, name: str, raw_arguments: str) -> str:
    """Run a tool that the model asked for: known name, allowed role, arguments that fit; everything else is refused."""
    tool = TOOLS.get(name)
    if tool is None or session.role not in tool.roles:
        return "refused: no such tool"
    try:
        arguments = tool.arguments.model_validate_json(raw_arguments)
    except ValidationError:
        return "refused: the arguments do not fit"
    return tool.function(session, arguments)[:MAX_RESULT_CHARS]
