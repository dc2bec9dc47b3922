"""Reads Python source: what it imports, calls, serves, offers to models, asks of models, and where values travel.

The tree is walked once (`walker`), names are resolved on the way (`names`), and each kind of fact is then taken from
the flat lists that the walk left behind (`index`). Values are followed (`taint`) only in modules that have both a source and
a sink. Nothing is imported, compiled or run.
"""
