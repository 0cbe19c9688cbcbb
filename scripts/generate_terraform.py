"""`buildkit generate` under the name and with the arguments of Dativo's guide."""

from __future__ import annotations

import sys

from buildkit_dagster.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["generate"]
    main()
