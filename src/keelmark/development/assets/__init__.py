"""Identify, track and protect assets (DEV-2): the inventory."""
