"""Content credentials: what says that a model made a text, with it and afterwards."""
