import json
import logging

import pytest
from conftest import OPERATOR, PORTAL, ask

from helpdesk.settings import Settings, SettingsError


def test_a_question_is_answered_with_its_sources(start):
    session, _ = start("Within 30 days, with the label from the order page.")
    answer = ask(session)
    assert answer.status_code == 200
    assert answer.json()["sources"][0] == "returns"
    assert answer.headers["X-AI-Generated"] == "true"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat"),
        ("POST", "/v1/embed"),
        ("GET", "/v1/approvals"),
        ("POST", "/v1/approvals/1"),
        ("POST", "/v1/refunds"),
        ("POST", "/v1/admin/reindex"),
        ("GET", "/v1/metrics"),
    ],
)
def test_no_route_answers_without_a_key(start, method, path):
    session, _ = start()
    assert session.request(method, path, json={}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/approvals"), ("POST", "/v1/approvals/1"), ("POST", "/v1/refunds"), ("POST", "/v1/admin/reindex"), ("GET", "/v1/metrics")],
)
def test_the_portal_does_not_reach_the_routes_of_operators(start, method, path):
    session, _ = start()
    assert session.request(method, path, json={}, headers=PORTAL).status_code == 403


def test_the_rate_is_limited(start):
    session, _ = start()
    codes = [ask(session).status_code for _ in range(21)]
    assert codes.count(200) == 20
    assert codes[-1] == 429


def test_long_and_large_questions_are_refused(start):
    session, _ = start()
    assert ask(session, "a" * 2_001).status_code == 422
    assert session.post("/v1/chat", content=b"x" * 9_000, headers=PORTAL).status_code == 413


def test_the_stop_file_stops_answers(start, settings):
    session, model = start()
    settings.stop_file.write_text("incident 1")
    assert ask(session).status_code == 503
    assert model.asked == []


def test_the_budget_of_the_day_ends_calls(start):
    session, model = start()
    session.app.state.budget.use(400_000)
    assert "do not know" in ask(session).json()["answer"]
    assert model.asked == []


def test_one_event_for_each_question_with_personal_data_masked(start, caplog):
    session, _ = start("Thank you.")
    with caplog.at_level(logging.INFO, logger="helpdesk.audit"):
        ask(session, "Card 4111 1111 1111 1111, mail kim@example.org, phone +44 7700 900118")
    events = [json.loads(record.message) for record in caplog.records if record.name == "helpdesk.audit"]
    assert len(events) == 1
    assert events[0]["prompt"] == "helpdesk-system@1.0.0"
    for secret in ("4111", "kim@", "900118"):
        assert secret not in caplog.text


def test_an_embedded_answer_is_escaped(start):
    session, _ = start("<script>alert(1)</script>Fine & done")
    body = {"message": "<img src=x onerror=alert(1)>", "customer": "C-001"}
    page = session.post("/v1/embed", json=body, headers=PORTAL)
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_operators_read_metrics_and_the_index(start):
    session, _ = start()
    ask(session)
    assert "helpdesk_requests_total" in session.get("/v1/metrics", headers=OPERATOR).text
    assert session.post("/v1/admin/reindex", headers=OPERATOR).json() == {"articles": 13}


def test_foreign_origins_are_not_allowed(start):
    session, _ = start()
    answer = session.options("/v1/chat", headers={"Origin": "https://evil.example.org", "Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_service_does_not_start_without_keys():
    with pytest.raises(SettingsError):
        Settings.from_environment({})
    digests = {"HELPDESK_PORTAL_KEY_SHA256": "0" * 64, "HELPDESK_OPERATOR_KEY_SHA256": "1" * 64}
    with pytest.raises(SettingsError):
        Settings.from_environment(digests | {"OPENAI_API_KEY": "k", "HELPDESK_ALLOWED_ORIGINS": "*"})
    assert Settings.from_environment(digests | {"OPENAI_API_KEY": "k"}).host == "127.0.0.1"
