"""Networks of diffusers and transformers from folders on this machine: strictly, from safetensors, quietly."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from colorizers.errors import ColorizerError
from colorizers.model_folder import weights_file


def dtype_on(device: torch.device) -> torch.dtype:
    """Half precision on a GPU; elsewhere it is slow or missing."""
    return torch.float16 if device.type == "cuda" else torch.float32


def network_from(kind: Any, folder: Path, dtype: torch.dtype, unread: tuple[str, ...] = ()) -> Any:
    """A network of a class with `from_pretrained`; ColorizerError when the folder cannot be read or does not fit.

    Tensors whose names begin with one of `unread` take no part in the answer, and may be missing.
    """
    variant = "fp16" if ".fp16." in weights_file(folder).name else None
    with quiet():
        try:
            network, found = kind.from_pretrained(
                folder, dtype=dtype, variant=variant, use_safetensors=True, local_files_only=True,
                ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
        except (
            OSError,
            ValueError,
            RuntimeError,
            KeyError,
            SafetensorError,
        ) as error:  # whatever strange files lead to
            raise ColorizerError(f"The weights in {folder.name} cannot be read; get them again.") from error
    names = [*found["missing_keys"], *found["unexpected_keys"], *(name for name, *_ in found["mismatched_keys"])]
    if wrong := sorted(name for name in names if not name.startswith(unread)):
        raise ColorizerError(
            f"The weights in {folder.name} do not fit their network, as in {', '.join(wrong[:3])}; get them again."
        )
    return network


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and the advice of the libraries that load."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    levels = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.set_verbosity(logging.CRITICAL)
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for library, level in zip(libraries, levels, strict=True):
            library.set_verbosity(level)
            library.enable_progress_bar()
