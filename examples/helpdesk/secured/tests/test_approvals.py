import pytest
from conftest import OPERATOR, ask

from helpdesk.approvals import LIFETIME_S, ApprovalRefusedError, Approvals

REFUND = {"order_id": "A-10001", "amount_cents": 500, "customer": "C-001"}


def granted(clock=None):
    approvals = Approvals(clock=clock or (lambda: 0.0))
    return approvals, approvals.grant(approvals.ask("refund_order", REFUND))


def test_an_approval_is_good_once():
    approvals, token = granted()
    approvals.consume(token, "refund_order", REFUND)
    with pytest.raises(ApprovalRefusedError):
        approvals.consume(token, "refund_order", REFUND)


@pytest.mark.parametrize("change", [{"amount_cents": 501}, {"order_id": "A-10006"}, {"customer": "C-002"}])
def test_a_changed_parameter_voids_an_approval(change):
    approvals, token = granted()
    with pytest.raises(ApprovalRefusedError):
        approvals.consume(token, "refund_order", REFUND | change)
    with pytest.raises(ApprovalRefusedError):
        approvals.consume(token, "refund_order", REFUND)


def test_an_approval_expires():
    times = [0.0]
    approvals, token = granted(lambda: times[0])
    times[0] = LIFETIME_S
    with pytest.raises(ApprovalRefusedError):
        approvals.consume(token, "refund_order", REFUND)


def test_an_action_is_approved_once():
    approvals = Approvals()
    number = approvals.ask("refund_order", REFUND)
    approvals.grant(number)
    with pytest.raises(ApprovalRefusedError):
        approvals.grant(number)


def test_a_model_asks_and_a_person_pays(start):
    session, model = start([("refund_order", '{"order_id": "A-10001", "amount_cents": 500}')], "A person decides.")
    ask(session, "My order A-10001 was damaged, I want 5 EUR back.")
    assert "person" in model.results[0]
    assert session.app.state.orders.find("A-10001", customer="C-001")["status"] == "shipped"

    waiting = session.get("/v1/approvals", headers=OPERATOR).json()
    token = session.post(f"/v1/approvals/{waiting[0]['id']}", headers=OPERATOR).json()["approval_token"]
    body = waiting[0]["parameters"] | {"approval_token": token}
    assert session.post("/v1/refunds", json=body, headers=OPERATOR).json() == {"result": "paid"}
    assert session.app.state.orders.find("A-10001", customer="C-001")["status"] == "refunded"
    assert session.post("/v1/refunds", json=body, headers=OPERATOR).status_code == 403
