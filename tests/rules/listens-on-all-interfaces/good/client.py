import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="0.0.0.0", help="Whom to ask.")
