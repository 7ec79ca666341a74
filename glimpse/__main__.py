"""`python -m glimpse` is the command `glimpse`."""

import sys

from glimpse.cli import main

sys.exit(main())
