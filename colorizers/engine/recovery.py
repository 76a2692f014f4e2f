"""Second chances of a run: out of memory, and NaN at half precision."""

from collections.abc import Callable, Sequence

from colorizers.devices import is_out_of_memory, use_single
from colorizers.errors import ColorizerError, NotFinite
from colorizers.methods.method import Job
from colorizers.options import Options, controls
from colorizers.picture.compose import Outcome
from colorizers.words import Text

Outcomes = Sequence[Outcome | None]
Run = Callable[[Options], Outcomes]


def run_within_limits(run: Run, options: Options, job: Job) -> tuple[Outcomes, Options]:
    """The outcomes of a run and the options that it had in the end; where half precision gave NaN, in float32.

    Raises ColorizerError when memory is too small, or the result is not finite in float32 either.
    """
    try:
        return _run_within_memory(run, options, job)
    except NotFinite:
        if not use_single(job.device):
            raise
    job.models.pool.forget()
    _begin_again(job)
    outcomes = _run_within_memory(run, options, job)
    job.notes.append(Text("engine.single-precision"))
    return outcomes


def _run_within_memory(run: Run, options: Options, job: Job) -> tuple[Outcomes, Options]:
    """Run; out of memory, free what is idle and try again as it is, then at a smaller working size."""
    smaller = _smaller(options)
    tries = [options, options] if smaller is None else [options, options, smaller]
    for tried in tries:
        outcomes = _run_if_it_fits(run, tried, job)
        if outcomes is not None:
            return outcomes, tried
    if smaller is not None:
        raise ColorizerError(Text("engine.too-little-memory-at-size"))
    raise ColorizerError(Text("engine.too-little-memory"))


def _run_if_it_fits(run: Run, options: Options, job: Job) -> Outcomes | None:
    """Run; None when memory ran out, of which all that is idle was then given back."""
    try:
        return run(options)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    job.models.pool.clear()  # not earlier: the error holds what the method held
    _begin_again(job)
    return None


def _smaller(options: Options) -> Options | None:
    """The same options at half the working size; None when they have none, or it is as small as can be."""
    for entry in controls(type(options)):
        if entry.name == "working_size" and entry.low is not None:
            size = getattr(options, entry.name)
            half = max(int(entry.low), size // 2)
            return options.model_copy(update={"working_size": half}) if half < size else None
    return None


def _begin_again(job: Job) -> None:
    """Drop everything that a failed run has left for the result."""
    job.notes.clear()
    job.maps.clear()
    job.models.hashes.clear()
