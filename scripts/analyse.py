#!/usr/bin/env python
"""Where are a game's fixed points, which are Nash equilibria, and does training converge there at this h and γ?

The same as the console command `analyse`; `--help` shows the options and examples.
"""

import sys

from analysis.command import main

if __name__ == "__main__":
    sys.exit(main())
