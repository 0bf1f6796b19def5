"""``python -m homeport``."""

from homeport.cli import main

raise SystemExit(main())
