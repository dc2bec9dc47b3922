"""Training and evaluation; not part of the service."""
