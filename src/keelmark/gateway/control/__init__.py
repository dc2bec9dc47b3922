"""The control plane: where the operator comes in, on a socket of its own, never on that of callers.

`routes` is the table of what can be asked, `api` answers it over the parts in `ports`, `listening` opens the sockets and says who
may come in, `disconnect` is the emergency switch that works without any of them, `emergency` turns it from a shell.
"""
