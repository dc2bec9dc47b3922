"""Digit recognition service."""
import logging
import os

import joblib
import numpy as np
from flask import Flask, jsonify, request

logging.basicConfig(level=logging.DEBUG)
log = logging.getLogger("digits")

MODEL_PATH = os.environ.get("MODEL_PATH", "model.joblib")
UPLOAD_DIR = "/tmp/models"
REGISTRY_PASSWORD = "vT9#mQ2x!rL7wKp4"  # TODO: read from vault

app = Flask(__name__)
model = joblib.load(MODEL_PATH)


@app.route("/predict", methods=["POST"])
def predict():
    body = request.get_json(force=True)
    pixels = np.array(body["pixels"]) / 16.0
    probabilities = model.predict_proba(pixels.reshape(1, -1))[0]
    log.info("predict pixels=%s user=%s", body["pixels"], body.get("user_email"))
    return jsonify(
        {
            "digit": int(np.argmax(probabilities)),
            "probabilities": probabilities.tolist(),
            "logits_layer": model.coefs_[-1].shape,
            "model_path": os.path.abspath(MODEL_PATH),
        }
    )


@app.route("/model", methods=["POST"])
def upload_model():
    """Hot swap: upload a new model file, it is live at once."""
    global model
    upload = request.files["file"]
    os.makedirs(UPLOAD_DIR, exist_ok=True)
    path = os.path.join(UPLOAD_DIR, upload.filename)
    upload.save(path)
    model = joblib.load(path)
    return jsonify({"loaded": path})


@app.route("/feedback", methods=["POST"])
def feedback():
    """Users correct wrong answers; the nightly retrain picks the rows up."""
    body = request.get_json(force=True)
    with open("data/digits.csv", "a") as handle:
        handle.write(",".join(str(p) for p in body["pixels"]) + "," + str(body["label"]) + "\n")
    return jsonify({"status": "thanks"})


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000, debug=True)
