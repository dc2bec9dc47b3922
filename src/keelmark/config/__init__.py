"""One closed, typed tree of settings; every value knows where it came from."""
