"""One file format per file. Bytes are read, never loaded, executed or unpacked without bounds."""
