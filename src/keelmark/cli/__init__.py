"""The command line: one command per file, thin; results go to stdout, everything else to stderr."""
