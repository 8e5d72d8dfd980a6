"""``python -m emoreal_bench``: the command, where its script is not on the path."""

from emoreal_bench.cli import main

if __name__ == "__main__":
    main()
