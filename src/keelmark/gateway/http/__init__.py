"""HTTP/1.1 inside bounds: a server that reads strictly, and a pool of connections to the models behind it."""
