"""The command line: `colorizers COMMAND`, or `python -m colorizers COMMAND`.

Exit codes: 0 fine, 1 our fault, 2 something the user can mend, 130 interrupted, 141 the reader of our output has left.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from colorizers import __version__
from colorizers.errors import ColorizerError

PROGRAM = "colorizers"


class Command(NamedTuple):
    """What a command is for, and the function that gives its parser the arguments and `run`.

    Heavy imports wait for that function; it sees the arguments beforehand, for flags that depend on them.
    """

    summary: str
    prepare: Callable[[argparse.ArgumentParser, list[str]], None]


def _colorize(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    from colorizers.commands import colorize

    colorize.prepare(parser, argv)


def _methods(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    from colorizers.commands import listings

    parser.set_defaults(run=listings.list_methods)


def _weights(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    from colorizers.commands import weights

    weights.prepare(parser)


def _serve(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--share", action="store_true", help="also open a public link, through Gradio's servers")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="KEY=PATH",
        help="take the weights KEY, as ddcolor_tiny, from this file; may be given again for others")  # fmt: skip
    parser.add_argument("--model", metavar="PATH_OR_ID", help="offer this Stable Diffusion 1.x beside the known ones")
    parser.add_argument("--controlnet", metavar="PATH_OR_ID", help="use this ControlNet where depth is shown")
    parser.set_defaults(run=_run_serve)


def _run_serve(arguments: argparse.Namespace) -> int:
    from colorizers import weights

    for words in arguments.checkpoint:
        name, equals, path = words.partition("=")
        if not equals:
            raise ColorizerError("--checkpoint needs KEY=PATH, such as ddcolor_tiny=ddcolor_tiny.pth.")
        home = os.path.expanduser(path)  # noqa: PTH111 - Path's own fails for users that there are not
        weights.use_checkpoint(weights.key_of(name), Path(home))
    if arguments.model is not None:
        weights.use_model(arguments.model)
    if arguments.controlnet is not None:
        weights.use_controlnet(arguments.controlnet)

    from colorizers.web import serve

    serve(host=arguments.host, port=arguments.port, share=arguments.share)
    return 0


def _evaluate(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    from colorizers.commands import evaluate

    evaluate.prepare(parser, argv)


def _train(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    from colorizers.commands import train

    train.prepare(parser, argv)


COMMANDS = {
    "colorize": Command("colour photographs, or whole folders of them", _colorize),
    "methods": Command("list the methods and their options", _methods),
    "weights": Command("list the weights, and get those that are not here", _weights),
    "serve": Command("open the page for browsers", _serve),
    "evaluate": Command("measure methods on photographs whose colours are known", _evaluate),
    "train": Command("train a method", _train),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code; argparse itself exits with 0 after --help and 2 on bad usage."""
    argv = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names come out as the bytes that they are
    try:
        name = _top_parser().parse_args(argv[:1]).command
        command = COMMANDS[name]
        parser = argparse.ArgumentParser(f"{PROGRAM} {name}", description=command.summary, allow_abbrev=False)
        command.prepare(parser, argv[1:])
        # Python 3.11 and 3.12 lose the -- in intermixed arguments.
        parse = parser.parse_args if "--" in argv else parser.parse_intermixed_args
        arguments = parse(argv[1:])
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except ColorizerError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        PROGRAM,
        usage=f"{PROGRAM} COMMAND ...",
        description="\n".join(("Colour for black-and-white photographs.", "", "commands:", *lines)),
        epilog=f"{PROGRAM} COMMAND --help says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
