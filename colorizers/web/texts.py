"""The texts of the page that depend on numbers."""

from collections.abc import Mapping

from colorizers.words import Text


def duration(seconds: float) -> Text:
    """A duration as people say it."""
    if seconds < 1:
        return Text("duration.moment")
    if seconds < 90:
        return Text("duration.seconds", value=seconds)
    return Text("duration.minutes", value=seconds / 60)


def brief(seconds: float) -> Text:
    """A duration in little room: with its first digit where it is short, and at least a hundredth of a second."""
    if seconds < 0.095:
        return Text("duration.hundredths", value=max(0.01, seconds))
    return Text("duration.tenths", value=seconds) if seconds < 10 else duration(seconds)


def missing(names: list[str], ways: list[Text]) -> Text:
    """Names weights that are not installed; `ways` are ways to get them, of which one is named."""
    if len(ways) > 1:
        return Text("page.several-not-installed", names=names, way=ways[0])
    return Text("page.some-not-installed", names=names, way=ways[0])


def number(value: float) -> str:
    """Three digits of it, or more where it is large."""
    return f"{value:.0f}" if 1000 <= value < 1e6 else f"{value:.3g}"


def losses(done: int, total: int, values: Mapping[str, str]) -> Text:
    """The plot of the losses in words: their names and present values."""
    named = [Text("loss.value", name=Text(f"losses.{name}"), value=value) for name, value in values.items()]
    return Text("page.losses-at-step", done=done, total=total, losses=named)


def waiting(ahead: int, seconds: float | None) -> Text:
    """The place in the queue, behind at least one other job, and the seconds that these take where that is known."""
    place = Text("status.one-ahead") if ahead == 1 else Text("status.several-ahead", count=ahead)
    return place if seconds is None or seconds < 1 else Text("status.wait", text=place, duration=duration(seconds))


def starting(usual: float | None) -> Text:
    """A job begins, which took so many seconds the last time."""
    if usual is None:
        return Text("status.starting")
    return Text("status.starting-usually", duration=duration(usual))


def step(text: Text, left: float | None) -> Text:
    """A step, and the seconds that are left."""
    return text if left is None or left < 1 else Text("status.time-left", text=text, duration=duration(left))
