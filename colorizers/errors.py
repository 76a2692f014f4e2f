"""The ways in which a job ends without a result and without a bug."""


class ColorizerError(Exception):
    """Something the user can mend; the message is one sentence that says what to do."""


class NotFinite(ColorizerError):
    """A network gave NaN or infinity, which is common at half precision and rare at single."""


class Cancelled(Exception):
    """The job was cancelled; raised inside the worker, never shown."""
