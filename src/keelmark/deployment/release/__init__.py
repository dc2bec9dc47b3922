"""Release AI responsibly (DEP-4): the gate and what it decides from."""
