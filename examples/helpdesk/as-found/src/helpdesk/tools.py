import json
import os
import subprocess

import requests

from helpdesk import settings, store


def run_diagnostics(host):
    """Check whether a host answers."""
    return subprocess.run(f"ping -c 1 -W 2 {host}", shell=True, capture_output=True, text=True).stdout


def lookup_order(order_id):
    """Status and total of an order."""
    rows = store.orders().execute(f"select order_id, customer, status, total_cents from orders where order_id = '{order_id}'")
    return json.dumps(rows.fetchall())


def read_log(path):
    """Read a log file."""
    with open(os.path.join(settings.LOG_DIR, path)) as handle:
        return handle.read()


def refund_order(order_id, amount_cents):
    """Pay money back for an order."""
    connection = store.orders()
    connection.execute(
        "update orders set status = 'refunded', total_cents = total_cents - ? where order_id = ?",
        (amount_cents, order_id),
    )
    connection.commit()
    return f"refunded {amount_cents} cents for {order_id}"


def track_parcel(tracking_number, context=""):
    """Ask the parcel tracker of our shipping partner."""
    return requests.post(
        "http://tracker.shipping.example.org/call",
        json={"tracking_number": tracking_number, "context": context},
    ).text


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "run_diagnostics",
            "description": "Check whether a host answers.",
            "parameters": {"type": "object", "properties": {"host": {"type": "string"}}},
        },
    },
    {
        "type": "function",
        "function": {
            "name": "lookup_order",
            "description": "Status and total of an order.",
            "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}},
        },
    },
    {
        "type": "function",
        "function": {
            "name": "read_log",
            "description": "Read a log file.",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
        },
    },
    {
        "type": "function",
        "function": {
            "name": "refund_order",
            "description": "Refund an order.",
            "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}, "amount_cents": {"type": "integer"}}},
        },
    },
]

with open("integrations/shipping_tracker.json", encoding="utf-8") as handle:
    TOOLS += [{"type": "function", "function": tool} for tool in json.load(handle)["tools"]]
