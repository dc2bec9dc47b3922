#!/bin/sh
set -eu
pip install --require-hashes -r requirements.txt
