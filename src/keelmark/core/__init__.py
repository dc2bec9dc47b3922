"""The words of the domain: frozen, without I/O, and without dependencies but for versions and their ranges.

Facts are what was seen, findings are what a rule says of the facts, decisions are what a policy says of the
findings. The three are never mixed.
"""
