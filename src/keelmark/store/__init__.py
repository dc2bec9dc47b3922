"""Where evidence and remembered facts are kept: behind the ports of `core.ports`, opened by workflows only."""
