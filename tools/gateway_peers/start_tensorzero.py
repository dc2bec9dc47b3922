"""Starts the gateway of TensorZero from its wheel, inside of its own environment, and prints its address.

The wheel has no program for it: its own client starts the gateway through the private function used here.
"""

import signal
import sys

from tensorzero import _start_http_gateway

gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
print(gateway.base_url, flush=True)
signal.pause()
