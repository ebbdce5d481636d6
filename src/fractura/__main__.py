"""``python -m fractura``: the same as the command ``fractura``."""

import sys

from fractura.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
