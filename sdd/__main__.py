"""Entry point of ``python -m sdd``."""

import sys
import warnings

from sdd.cli import main

# A line of source says nothing to whoever calls the command.
warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
sys.exit(main())
