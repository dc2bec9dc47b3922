"""Rules of this area, one file each."""
