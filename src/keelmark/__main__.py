"""`python -m keelmark` is the same as `keelmark`."""

from keelmark.cli.main import main

if __name__ == "__main__":
    main()
