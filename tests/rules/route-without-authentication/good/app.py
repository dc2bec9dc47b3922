import secrets

from fastapi import Depends, FastAPI, Header, HTTPException


def require_key(x_api_key: str = Header()) -> None:
    if not secrets.compare_digest(x_api_key, load_key()):
        raise HTTPException(status_code=401)


app = FastAPI(dependencies=[Depends(require_key)])


@app.post("/chat")
def chat(text: str) -> str:
    return text
