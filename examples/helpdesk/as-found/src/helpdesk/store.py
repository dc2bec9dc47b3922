import csv
import json
import math
import os
import pickle
import re
import sqlite3
from collections import Counter

import requests

from helpdesk import settings

RERANKER = "jinaai/jina-reranker-v2-base-multilingual"


def _words(text):
    return re.findall(r"[a-z]{3,}", text.lower())


def build(articles):
    documents = [Counter(_words(a["title"] + " " + a["body"])) for a in articles]
    seen = Counter()
    for document in documents:
        seen.update(set(document))
    idf = {word: math.log(len(documents) / count) for word, count in seen.items()}
    return {"articles": articles, "documents": documents, "idf": idf}


def save(index):
    with open(settings.INDEX_PATH, "wb") as handle:
        pickle.dump(index, handle)


def load():
    with open(settings.INDEX_PATH, "rb") as handle:
        return pickle.load(handle)


def reindex(url=None):
    """Rebuild the index from data/articles.jsonl, or from an export at a URL."""
    if url:
        lines = requests.get(url, verify=False).text.splitlines()
    else:
        lines = open("data/articles.jsonl", encoding="utf-8").read().splitlines()
    articles = [json.loads(line) for line in lines if line.strip()]
    save(build(articles))
    return len(articles)


def search(question, k=3):
    index = load()
    words = _words(question)
    scores = []
    for article, document in zip(index["articles"], index["documents"]):
        score = sum(document[word] * index["idf"].get(word, 0) for word in words)
        scores.append((score, article))
    scores.sort(key=lambda pair: pair[0], reverse=True)
    found = [article for score, article in scores[: k * 3] if score > 0]
    if os.getenv("RERANK") == "1":
        found = rerank(question, found)
    return found[:k]


def rerank(question, articles):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(RERANKER, torch_dtype="auto", trust_remote_code=True)
    scores = model.compute_score([[question, a["body"]] for a in articles])
    return [a for _, a in sorted(zip(scores, articles), key=lambda pair: -pair[0])]


def orders():
    """Connection to the orders database; filled from the CSV export on first use."""
    is_new = not os.path.exists(settings.ORDERS_DB)
    connection = sqlite3.connect(settings.ORDERS_DB)
    if is_new:
        connection.execute("create table orders (order_id text, customer text, status text, total_cents int)")
        with open("data/orders.csv", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                connection.execute(
                    "insert into orders values (?, ?, ?, ?)",
                    (row["order_id"], row["customer"], row["status"], row["total_cents"]),
                )
        connection.commit()
    return connection


def ticket(ticket_id):
    with open("data/tickets.csv", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["ticket_id"] == ticket_id:
                return row
    return None
