"""OM-1: what the system does is measured, compared with what was released, and on record."""
