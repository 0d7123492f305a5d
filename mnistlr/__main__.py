"""``python -m mnistlr`` is the command ``mnistlr``."""

from mnistlr.cli import main

if __name__ == "__main__":
    main()
