from transformers import AutoModelForSequenceClassification

model = AutoModelForSequenceClassification.from_pretrained("acme/sentiment", revision="5f0c1b2e8a7d4c3b9e6f1a2d3c4b5a6978877665")
