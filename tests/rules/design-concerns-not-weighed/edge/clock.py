"""A page that says the time: no AI anywhere."""

from datetime import datetime

from fastapi import FastAPI

app = FastAPI()


@app.get("/time")
def time():
    return {"time": datetime.now().isoformat()}
