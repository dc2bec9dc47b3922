import os

DEBUG = os.getenv("DEBUG", "true").lower() == "true"
AUTH_ENABLED = os.environ.get("AUTH_ENABLED", "false") == "true"
SECRET_KEY = os.environ.get("SECRET_KEY", "change-me")
