"""Methods with settings in one word each, as `unet,vividness=0.2`: the rows of tables and sheets."""

from collections.abc import Mapping

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import find
from colorizers.methods.method import AnyMethod, MethodInfo
from colorizers.words import Text

_SEED = 0  # of random methods, so that rows can be repeated


def read_row(methods: Mapping[str, AnyMethod], text: str) -> tuple[MethodInfo, dict[str, str]]:
    """`METHOD[:WEIGHTS][,option=value...]` as a method and what is set of its options, the seed among them, as typed.

    WEIGHTS is the option `weights`. Raises ColorizerError for an unknown method, or weights that it cannot have.
    """
    named, *pairs = text.split(",")
    name, colon, weights = named.partition(":")
    info = find(methods, name).info
    values = dict(pair.partition("=")[::2] for pair in pairs)
    if colon and "weights" not in info.options.model_fields:
        raise ColorizerError(Text("commands.rows.one-set-of-weights", method=name, spare=f":{weights[:40]}"))
    if colon and "weights" in values:
        spare = f"weights={values['weights'][:40]}"
        raise ColorizerError(Text("commands.rows.weights-twice", row=named, spare=spare))
    if colon:
        values["weights"] = weights
    if "seed" in info.options.model_fields:
        values.setdefault("seed", str(_SEED))
    return info, values
