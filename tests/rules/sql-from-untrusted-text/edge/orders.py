"""The formatted part is a number, or the name of a table from a fixed set."""

import sqlite3

from fastapi import FastAPI, HTTPException

app = FastAPI()
TABLES = {"orders", "returns"}


@app.get("/rows")
def rows(table: str, limit: int):
    if table not in TABLES:
        raise HTTPException(status_code=404)
    connection = sqlite3.connect("shop.db")
    return connection.execute(f"SELECT * FROM {table} LIMIT {int(limit)}").fetchall()
