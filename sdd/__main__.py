"""Entry point of ``python -m sdd``."""

import sys

from sdd.cli import main

sys.exit(main())
