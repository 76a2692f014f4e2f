"""The command line, called in this process."""

from colorizers.__main__ import main


def command(*words: object) -> int:
    """The exit code of a command."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
