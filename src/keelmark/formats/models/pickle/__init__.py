"""Pickles of every protocol and everything that carries them, followed without building or importing anything."""
