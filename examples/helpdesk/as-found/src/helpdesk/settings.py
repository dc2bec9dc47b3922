import os

OPENAI_API_KEY = os.getenv("OPENAI_API_KEY", "")
OPENAI_MODEL = os.getenv("OPENAI_MODEL", "gpt-3.5-turbo-0613")
TEMPERATURE = 0.9

# reporting warehouse, used by the notebook and the nightly export
WAREHOUSE_URL = "postgresql://helpdesk_ro:Wq7vR2nZx8LtKd41@warehouse.helpdesk.internal:5432/support"
SESSION_SECRET = "6fY2pLr0vQm8sXjT4hKc9wNbZa3eUd71"

ORDERS_DB = os.getenv("ORDERS_DB", "data/orders.db")
INDEX_PATH = os.getenv("INDEX_PATH", "data/index.pkl")
LOG_DIR = os.getenv("LOG_DIR", "logs")
DEBUG = True
