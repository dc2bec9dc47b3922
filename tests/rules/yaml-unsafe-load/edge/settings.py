"""Names a loader, but one that builds plain data; and reads JSON with a function called load."""

import json

import yaml
from yaml import CSafeLoader


def read(file):
    return yaml.load(file, Loader=CSafeLoader)


def read_json(file):
    return json.load(file)
