"""Who comes next when many wait."""

import contextlib

import pytest

from colorizers.engine.line import AT_ONCE, Line, Visitor
from colorizers.errors import ColorizerError
from colorizers.words import Text

ANNA, BERTA, CLARA = (Visitor(f"10.0.0.{k}") for k in (1, 2, 3))


class Waiting:
    """Slow jobs in a line, by name, which are there until they are `done`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._blocks: dict[str, contextlib.ExitStack] = {}
        self._waits: dict[str, object] = {}

    def come(self, name: str, visitor: Visitor, quick: bool = False, kind: str = "style") -> None:
        block = contextlib.ExitStack()
        self._waits[name] = block.enter_context(self._line.turn(visitor, quick, kind))
        self._blocks[name] = block

    def done(self, name: str) -> None:
        assert self.ahead(name) == 0
        self._blocks.pop(name).close()

    def told(self, name: str):
        """What a job is told that waits, None when its turn has come."""
        return next(self._waits[name], None)

    def ahead(self, name: str) -> int:
        waiting = self.told(name)
        return 0 if waiting is None else waiting.ahead


@pytest.fixture
def waiting() -> Waiting:
    return Waiting(Line())


def served(waiting: Waiting, *names: str) -> None:
    """These jobs are next, in this order."""
    for name in names:
        waiting.done(name)


def test_visitors_take_turns_however_many_jobs_one_of_them_has(waiting: Waiting):
    for name in ("anna 1", "anna 2", "anna 3"):
        waiting.come(name, ANNA)
    waiting.come("berta 1", BERTA)
    waiting.come("berta 2", BERTA)
    waiting.come("clara", CLARA)
    assert [waiting.ahead(name) for name in ("anna 1", "berta 1", "clara", "anna 2")] == [0, 1, 2, 3]
    served(waiting, "anna 1", "berta 1", "clara", "anna 2", "berta 2", "anna 3")


def test_so_do_the_pages_behind_one_address(waiting: Waiting):
    first, second = (Visitor("10.0.0.1", session) for session in ("one", "other"))
    waiting.come("first 1", first)
    waiting.come("first 2", first)
    waiting.come("second", second)
    waiting.come("berta", BERTA)
    served(waiting, "first 1", "berta", "second", "first 2")


def test_many_sessions_bring_an_address_no_more_turns(waiting: Waiting):
    for k in range(8):
        waiting.come(f"anna {k}", Visitor("10.0.0.1", f"forged {k}"))
    waiting.come("berta", BERTA)
    assert waiting.ahead("berta") == 1


def test_quick_jobs_do_not_wait_for_slow_ones(waiting: Waiting):
    waiting.come("slow 1", ANNA)
    waiting.come("slow 2", BERTA)
    waiting.come("quick", CLARA, quick=True, kind="unet")
    assert waiting.ahead("quick") == 0
    assert waiting.ahead("slow 2") == 1


def test_whoever_leaves_the_line_is_no_longer_waited_for(waiting: Waiting):
    for name, visitor in (("anna", ANNA), ("berta", BERTA), ("clara", CLARA)):
        waiting.come(name, visitor)
    assert waiting.ahead("clara") == 2
    waiting._blocks.pop("berta").close()
    assert waiting.ahead("clara") == 1


def test_the_time_is_told_when_it_is_known(waiting: Waiting):
    waiting.come("first", ANNA)
    waiting.come("second", ANNA)
    assert waiting.told("second").seconds is None
    served(waiting, "first")
    waiting.come("third", ANNA)
    assert 0 <= waiting.told("third").seconds < 60


def test_one_address_has_at_most_half_of_the_line_and_the_line_an_end():
    waiting = Waiting(Line(most=2 * AT_ONCE[True]))
    for k in range(AT_ONCE[True]):
        waiting.come(f"anna {k}", ANNA)
    with pytest.raises(ColorizerError, match="of yours are in the line already"):
        waiting.come("one more", ANNA)
    for k, visitor in enumerate((BERTA, BERTA, CLARA, CLARA)):
        waiting.come(f"other {k}", visitor)
    with pytest.raises(ColorizerError, match="The line is full"):
        waiting.come("too late", Visitor("10.0.0.4"))
    served(waiting, "anna 0")
    waiting.come("now", Visitor("10.0.0.4"))


def test_a_job_for_which_nobody_listens_leaves_the_line_and_others_stay():
    waiting = Waiting(Line(patience=0))
    waiting.come("running", ANNA)
    waiting.come("left", Visitor("10.0.0.2", listens=lambda: False))
    waiting.come("heard", CLARA)
    assert [waiting.ahead(name) for name in ("left", "heard")] == [1, 2]
    with waiting._blocks.pop("left"), pytest.raises(ColorizerError, match="Nobody waited"):
        waiting.told("left")
    assert waiting.ahead("heard") == 1


def test_a_line_that_is_closed_refuses_all_but_those_whose_turn_has_begun():
    waiting = Waiting(line := Line())
    waiting.come("running", ANNA)
    waiting.come("waits", BERTA)
    assert waiting.ahead("waits") == 1
    line.close(Text("page.closing"))
    assert waiting.told("running") is None
    with waiting._blocks.pop("waits"), pytest.raises(ColorizerError, match="is being shut down"):
        waiting.told("waits")
    with pytest.raises(ColorizerError, match="is being shut down"):
        waiting.come("late", CLARA)
