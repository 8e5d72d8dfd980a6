"""``python -m emoreal_bench``: the command, where its script is not on the path."""

import sys

if __name__ == "__main__":
    try:
        # Imported here, so that Ctrl-C is understood from the first moment on.
        from emoreal_bench.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)
