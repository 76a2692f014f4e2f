"""Networks of diffusers and transformers from folders on this machine: strictly, quietly, without a hub or code."""

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from colorizers.devices import is_out_of_memory
from colorizers.errors import ColorizerError
from colorizers.weights.folders import weights_file
from colorizers.words import Text

_ASKING = {
    "auto_map", "quantization_config", "attn_implementation", "_attn_implementation", "use_pretrained_backbone",
    "use_timm_backbone",
}  # fmt: skip
"""What a config.json may say that makes a library look for code or for other weights."""


def network_from(kind: Any, folder: Path, dtype: torch.dtype, unread: tuple[str, ...] = ()) -> Any:
    """A network of a class with `from_pretrained`; ColorizerError when the folder cannot be read or does not fit.

    Tensors whose names begin with one of `unread` take no part in the answer, and may be missing.
    """
    _check_folder(folder)
    # The libraries make the format in which they load that of the whole process meanwhile, also of networks that run
    # beside it, and diffusers leaves it so after an error: so it is torch's own, and the network is changed afterwards.
    variant = "fp16" if ".fp16." in weights_file(folder).name else None
    with _sentences(folder), quiet():
        network, found = kind.from_pretrained(
            folder, dtype=torch.float32, variant=variant, use_safetensors=True, local_files_only=True,
            ignore_mismatched_sizes=True, output_loading_info=True,
        )  # fmt: skip
        network = network.to(dtype)
    names = [*found["missing_keys"], *found["unexpected_keys"], *(name for name, *_ in found["mismatched_keys"])]
    if wrong := sorted(name for name in names if not name.startswith(unread)):
        raise ColorizerError(Text("stable_diffusion.weights-do-not-fit", name=folder.name, tensors=wrong[:3]))
    return network


def preparation_from(kind: Any, folder: Path) -> Any:
    """A tokenizer or a processor of a class with `from_pretrained`; ColorizerError when it cannot be read."""
    with _sentences(folder), quiet():
        return kind.from_pretrained(folder, local_files_only=True)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; ColorizerError when the file holds anything else, or is not there."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ColorizerError(Text("stable_diffusion.cannot-read-json", file=path.name, folder=path.parent.name))
    return values


def _check_folder(folder: Path) -> None:
    """Stop before a library follows what a folder says to somewhere else."""
    if _asks(read_json(folder / "config.json")) or (folder / "adapter_config.json").exists():
        raise ColorizerError(Text("stable_diffusion.asks-for-code", name=folder.name))
    if any(folder.glob("*.safetensors.index.json")):
        raise ColorizerError(Text("stable_diffusion.several-files", name=folder.name))


def _asks(config: dict[str, Any]) -> bool:
    nested = (value for value in config.values() if isinstance(value, dict))
    return any(config.get(name) for name in _ASKING) or any(map(_asks, nested))


@contextlib.contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    """Whatever a strange folder leads to, in one sentence."""
    try:
        yield
    except Exception as error:  # it reaches every corner of the libraries
        if is_out_of_memory(error):
            raise
        raise ColorizerError(Text("stable_diffusion.cannot-read", name=folder.name)) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and the advice of the libraries that load."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity(logging.CRITICAL)
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, (level, bars) in zip(libraries, before, strict=True):
            library.set_verbosity(level)
            if bars:
                library.enable_progress_bar()
