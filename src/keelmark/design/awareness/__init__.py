"""SD-1: people know the threats to the system that they build and own."""
