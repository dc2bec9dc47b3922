import pytest

from helpdesk import settings, tools


@pytest.fixture(autouse=True)
def orders(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "ORDERS_DB", str(tmp_path / "orders.db"))


def test_order_is_found():
    assert "shipped" in tools.lookup_order("A-10001")


def test_refund_is_paid():
    assert "refunded" in tools.refund_order("A-10001", 500)
    assert "refunded" in tools.lookup_order("A-10001")


def test_every_tool_has_a_name():
    assert all(tool["function"]["name"] for tool in tools.TOOLS)
