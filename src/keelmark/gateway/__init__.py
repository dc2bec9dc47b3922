"""The data plane: a server that lets through what was released, to whom it may concern, within its limits, on record.

The way of a request: `http/server` reads it inside bounds, `apis` parses it strictly, the stages in `pipeline` decide one
after the other, `http/upstream` sends what is allowed, `answers` screens and hands on what comes back.
"""
