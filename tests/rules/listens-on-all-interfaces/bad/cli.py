import argparse

import uvicorn

from app import app

parser = argparse.ArgumentParser()
parser.add_argument("--host", type=str, default="0.0.0.0", help="Where to listen.")

if __name__ == "__main__":
    options = parser.parse_args()
    uvicorn.run(app, host=options.host, port=8000)
