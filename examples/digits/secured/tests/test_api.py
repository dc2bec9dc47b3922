import json
import logging

from conftest import CLIENT, OPERATOR


def test_a_clear_image_is_read(client, image):
    answer = client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=CLIENT)
    assert answer.status_code == 200
    assert answer.json()["digit"] == image["label"]
    assert answer.headers["X-AI-Generated"] == "true"


def test_no_route_but_health_answers_without_a_key(client, image):
    assert client.get("/health").status_code == 200
    assert client.post("/v1/predict", json={"pixels": image["pixels"]}).status_code == 401
    assert client.post("/v1/feedback", json=image).status_code == 401
    assert client.get("/v1/metrics").status_code == 401


def test_a_wrong_key_is_refused(client, image):
    wrong = {"X-API-Key": "client-key-for-testz"}
    assert client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=wrong).status_code == 401


def test_metrics_are_for_operators(client):
    assert client.get("/v1/metrics", headers=CLIENT).status_code == 403
    assert "digits_input_drift" in client.get("/v1/metrics", headers=OPERATOR).text


def test_an_image_of_the_wrong_form_is_refused(client, image):
    for pixels in ([0] * 63, [17] * 64, [-1] * 64, ["1"] * 64, [0.5] * 64):
        assert client.post("/v1/predict", json={"pixels": pixels}, headers=CLIENT).status_code == 422
    extra = {"pixels": image["pixels"], "path": "other.joblib"}
    assert client.post("/v1/predict", json=extra, headers=CLIENT).status_code == 422


def test_a_large_body_is_refused(client):
    assert client.post("/v1/predict", content=b"x" * 5_000, headers=CLIENT).status_code == 413


def test_the_rate_is_limited_by_key(client, image):
    answers = [
        client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=CLIENT).status_code for _ in range(61)
    ]
    assert answers.count(200) == 60
    assert answers[-1] == 429


def test_an_answer_does_not_give_all_probabilities(client, image):
    answer = client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=CLIENT).json()
    assert set(answer) == {"digit", "confidence", "model", "generated_by"}


def test_the_stop_file_stops_answers(client, settings, image):
    settings.stop_file.write_text("incident 1")
    assert client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=CLIENT).status_code == 503
    settings.stop_file.unlink()
    assert client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=CLIENT).status_code == 200


def test_feedback_waits_in_quarantine(client, settings, image):
    assert client.post("/v1/feedback", json=image, headers=CLIENT).status_code == 202
    kept = json.loads(settings.feedback_path.read_text())
    assert kept["label"] == image["label"]


def test_each_answer_leaves_one_event_without_the_image(client, image, caplog):
    with caplog.at_level(logging.INFO, logger="digits.audit"):
        client.post("/v1/predict", json={"pixels": image["pixels"]}, headers=CLIENT)
    events = [json.loads(record.message) for record in caplog.records if record.name == "digits.audit"]
    assert len(events) == 1
    assert events[0]["decision"] == "answered"
    assert str(image["pixels"]) not in caplog.text
