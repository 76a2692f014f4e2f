"""Starts the web app, as `colorizers serve` does: the file that `make run`, Docker and a Hugging Face Space run."""

import sys

from colorizers.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
