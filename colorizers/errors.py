"""The ways in which a job ends without a result and without a bug."""

from colorizers.words import Text


class ColorizerError(Exception):
    """Something the user can mend, in one sentence that says what to do.

    `text` is the sentence, `for_visitors` what people read who visit a public page and cannot do what its owner can.
    `str` words it in English.
    """

    def __init__(self, text: Text, *, for_visitors: Text | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.for_visitors = for_visitors or text


class NotFinite(ColorizerError):
    """A network gave NaN or infinity, which is common at half precision and rare at single."""


class Cancelled(Exception):
    """The job was cancelled; raised inside the worker, never shown."""
