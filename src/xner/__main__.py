"""`python -m xner` is `xner`."""

from xner.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
