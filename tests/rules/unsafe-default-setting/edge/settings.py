"""Names that look alike: a level of logging, the name of a mode, and a switch without default."""

import os

LOG_DEBUG = os.getenv("LOG_DEBUG", "true")
AUTH_MODE = os.getenv("AUTH_MODE", "no")
DEBUG = os.getenv("DEBUG")
SECRET_KEY = os.getenv("SECRET_KEY", "")
