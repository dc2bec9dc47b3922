"""A client's option says whom to ask, not where to listen."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="0.0.0.0")
