import json

settings = json.loads("{}")
