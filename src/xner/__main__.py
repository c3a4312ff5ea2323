"""`python -m xner` is `xner`."""

from xner.cli import main

raise SystemExit(main())
