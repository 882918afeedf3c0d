"""`python -m launcher COMMAND…`, inside the virtual environment."""

import sys

from launcher.cli import main

sys.exit(main(sys.argv[1:]))
