import os

DEBUG = os.getenv("DEBUG", "false").lower() == "true"
AUTH_ENABLED = os.environ.get("AUTH_ENABLED", "true") == "true"
VERIFY_SSL = os.environ.get("VERIFY_SSL", "1") == "1"
SECRET_KEY = os.environ["SECRET_KEY"]
