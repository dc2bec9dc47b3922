"""Orders of customers. Every question names the customer it is asked for; values are bound, never written into SQL."""

import csv
import io
import sqlite3
from pathlib import Path

from helpdesk.integrity import released_bytes


class Orders:
    """A table of orders in memory, filled from the released export."""

    def __init__(self, root: Path) -> None:
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute(
            "create table orders (order_id text primary key, customer text, status text, total_cents integer)"
        )
        rows = csv.DictReader(io.StringIO(released_bytes(root, "data/orders.csv").decode("utf-8")))
        self._connection.executemany("insert into orders values (:order_id, :customer, :status, :total_cents)", list(rows))
        self._connection.commit()

    def find(self, order_id: str, *, customer: str) -> dict | None:
        """One order of this customer; None for those of others."""
        row = self._connection.execute(
            "select order_id, status, total_cents from orders where order_id = ? and customer = ?", (order_id, customer)
        ).fetchone()
        return {"order_id": row[0], "status": row[1], "total_cents": row[2]} if row else None

    def refund(self, order_id: str, amount_cents: int, *, customer: str) -> bool:
        """Pay back at most what is left; False when nothing was changed."""
        changed = self._connection.execute(
            "update orders set status = 'refunded', total_cents = total_cents - ? "
            "where order_id = ? and customer = ? and total_cents >= ? and ? > 0",
            (amount_cents, order_id, customer, amount_cents, amount_cents),
        )
        self._connection.commit()
        return changed.rowcount == 1
