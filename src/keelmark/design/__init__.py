"""Area 1, secure design: what can go wrong, and what the system is meant to be."""
