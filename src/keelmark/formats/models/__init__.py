"""Readers of model files: headers, graphs, configurations and opcodes; nothing is loaded."""
