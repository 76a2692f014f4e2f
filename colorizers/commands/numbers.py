"""Numbers as the command line takes them; nothing heavy is imported for them."""

from collections.abc import Callable

from colorizers.errors import ColorizerError


def positive(flag: str) -> Callable[[str], int]:
    """What argparse reads a flag with: a whole number above zero, else one sentence that names the flag."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 9 or int(text) == 0:
            raise ColorizerError(f"{flag} must be a whole number above zero.")
        return int(text)

    return read
