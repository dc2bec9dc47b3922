"""The trace goes to the log; the caller learns what he did wrong himself."""

import logging
import traceback

from fastapi import FastAPI, HTTPException

app = FastAPI()
logger = logging.getLogger(__name__)


@app.post("/predict")
def predict(values: list[float]):
    try:
        return {"mean": sum(values) / len(values)}
    except ValueError as error:
        raise HTTPException(status_code=422, detail=str(error))
    except Exception:
        logger.error(traceback.format_exc())
        raise HTTPException(status_code=500, detail="internal error")
