"""The ways in which a job ends without a result and without a bug."""


class ColorizerError(Exception):
    """Something the user can mend; the message is one sentence that says what to do.

    `for_visitors` is what people read who visit a public page and cannot do what its owner can.
    """

    def __init__(self, message: str, *, for_visitors: str = "") -> None:
        super().__init__(message)
        self.for_visitors = for_visitors or message


class NotFinite(ColorizerError):
    """A network gave NaN or infinity, which is common at half precision and rare at single."""


class Cancelled(Exception):
    """The job was cancelled; raised inside the worker, never shown."""
