"""Follows values inside one module, from where strangers can write them to where they can do harm.

Each function is judged once, with a symbol for each parameter; its summary says which parameters reach its result and
which reach a sink, and callers put their own values in place of the symbols.
"""
