"""Orders of a customer."""

import sqlite3

from fastapi import FastAPI

app = FastAPI()


@app.get("/orders")
def orders(customer: str):
    connection = sqlite3.connect("shop.db")
    rows = connection.execute(f"SELECT * FROM orders WHERE customer = '{customer}'")
    return rows.fetchall()
