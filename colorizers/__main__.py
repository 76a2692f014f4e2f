"""The command line: `colorizers COMMAND`, also as `python -m colorizers COMMAND`.

Exit codes: 0 success, 1 internal error, 2 invalid input, 130 interrupted, 141 the reader of the output has closed it.
"""

import argparse
import contextlib
import importlib
import io
import logging
import os
import signal
import sys
import threading
import warnings

from colorizers import __version__
from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.threads import wait_briefly
from colorizers.words import Text, spoken

PROGRAM = "colorizers"
COMMANDS = ("colorize", "compare", "methods", "weights", "serve", "deploy", "evaluate", "train")
"""Each is a module of `colorizers.commands` whose `prepare(parser, argv)` adds the arguments and the function `run`; it
gets the arguments beforehand for flags that depend on them. Modules are imported when they run."""


_ENDS = (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))  # end a run as Ctrl-C does


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code; argparse itself exits with 0 after --help and 2 on bad usage."""
    argv = sys.argv[1:] if argv is None else argv
    wait_briefly()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names come out as the bytes that they are
    # What Pillow says of damaged files, Photo says in a sentence.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as speech, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        for number in _ENDS if threading.current_thread() is threading.main_thread() else ():
            speech.callback(signal.signal, number, signal.signal(number, signal.default_int_handler))
        try:
            speech.enter_context(spoken(get_settings().language))
            return _run(argv)
        except ColorizerError as error:
            print(error, file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:  # the reader of the output has closed it, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141


def _run(argv: list[str]) -> int:
    name = _top_parser().parse_args(argv[:1]).command
    parser = argparse.ArgumentParser(f"{PROGRAM} {name}", description=_summary(name), allow_abbrev=False)
    importlib.import_module(f"colorizers.commands.{name}").prepare(parser, argv[1:])
    # Python 3.11 and 3.12 lose the -- in intermixed arguments.
    parse = parser.parse_args if "--" in argv else parser.parse_intermixed_args
    arguments = parse(argv[1:])
    code: int = arguments.run(arguments)
    sys.stdout.flush()
    return code


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {_summary(name)}" for name in COMMANDS]
    parser = argparse.ArgumentParser(
        PROGRAM,
        usage=f"{PROGRAM} COMMAND ...",
        description="\n".join((str(Text("commands.description")), "", str(Text("commands.heading")), *lines)),
        epilog=str(Text("commands.more-help", program=PROGRAM)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser


def _summary(command: str) -> str:
    return str(Text(f"commands.{command}.summary"))


if __name__ == "__main__":
    sys.exit(main())
