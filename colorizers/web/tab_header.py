"""What stands on the tabs, and in which order they stand: quick methods, those by a picture, those by words."""

import itertools
from collections.abc import Iterable

from colorizers.engine import Engine
from colorizers.methods.method import MethodInfo
from colorizers.options import controls
from colorizers.web.controls import at_first
from colorizers.words import Text


def header(engine: Engine, info: MethodInfo, language: str) -> str:
    """Two lines: what a method is for; its name, about how long it takes, and whether it is not installed."""
    time = Text("page.tab-quick") if info.quick else Text("page.tab-seconds")
    if info.slow_on_cpu and engine.health().device == "cpu":
        time = Text("page.tab-minutes")
    second = f"{info.title.worded(language)} · {time.worded(language)}"
    options = {entry.name: entry.default for entry in at_first(info.options, engine.weights(), language, info.name)}
    if engine.missing(info.name, options):
        second = Text("page.not-installed", label=second).worded(language)
    return f"{info.purpose.worded(language)}\n{second}"


def compare_header(language: str) -> str:
    """The two lines of the tab that compares."""
    return "\n".join(Text(f"compare.{line}").worded(language) for line in ("title", "purpose"))


def group(info: MethodInfo) -> int:
    """The place of a method's group."""
    entries = controls(info.options)
    if any(entry.kind == "text" for entry in entries):
        return 3
    if any(entry.kind == "picture" and entry.required for entry in entries):
        return 2
    return 0 if info.quick else 1


def first_of_groups(infos: Iterable[MethodInfo]) -> list[MethodInfo]:
    """Those before which there is a gap, of methods in their groups: the first of each group but the first group."""
    return [next(members) for _, members in itertools.groupby(infos, group)][1:]
