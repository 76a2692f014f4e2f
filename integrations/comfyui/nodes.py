"""Node classes made from the options of the methods, so that they have every control that the page has.

ComfyUI's pictures are tensors (B, H, W, 3) float32 in [0, 1]. A node gives the coloured pictures, and the colours
themselves, which Adjust finishes anew without running a model.
"""

from typing import Any

import torch
from torch import Tensor

from colorizers import Photo, Result, colorize
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import MethodInfo
from colorizers.options import MAX_SEED, Control, controls
from colorizers.picture.finish import Finish
from colorizers.words import Text

CATEGORY = "image/colorizers"
_COLORS = "COLORIZERS_COLORS"  # a list of results, one a picture
_NUMBERS = {"int": "INT", "float": "FLOAT"}

Inputs = dict[str, dict[str, tuple[Any, dict[str, Any]]]]


class ColorizeNode:
    """What all methods' nodes share; each has its `info`."""

    info: MethodInfo
    RETURN_TYPES = ("IMAGE", _COLORS)
    RETURN_NAMES = ("image", "colors")
    FUNCTION = "colorize"
    CATEGORY = CATEGORY

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:
        """The photo and the method's options; pictures that are not needed, and hints, are optional."""
        required: dict[str, Any] = {"image": ("IMAGE", {})}
        optional: dict[str, Any] = {}
        for entry in controls(cls.info.options):
            needed = entry.required or entry.kind != "picture"
            (required if needed else optional)[entry.name] = _input(entry)
        optional["hints"] = (
            "STRING",
            {"default": "[]", "multiline": True, "tooltip": str(Text("commands.colorize.hints"))},
        )
        return {"required": required, "optional": optional}

    def colorize(self, image: Tensor, hints: str = "[]", **options: Any) -> tuple[Tensor, list[Result]]:
        """Every picture of the batch, with all of its variants."""
        pictures = {name: _photo(value[0]) for name, value in options.items() if isinstance(value, Tensor)}
        given = {**options, **pictures}
        results = [
            result for picture in image for result in colorize(_photo(picture), self.info.name, hints=hints, **given)
        ]
        return _images(results), results


class AdjustNode:
    """Colours under another finish."""

    RETURN_TYPES = ("IMAGE", _COLORS)
    RETURN_NAMES = ("image", "colors")
    FUNCTION = "adjust"
    CATEGORY = CATEGORY

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:
        """The colours of a method's node, and the finish."""
        finish = {entry.name: _input(entry) for entry in controls(Finish)}
        return {"required": {"colors": (_COLORS, {}), **finish}}

    def adjust(self, colors: list[Result], **finish: Any) -> tuple[Tensor, list[Result]]:
        """No model runs."""
        results = [result.finished(Finish(**finish)) for result in colors]
        return _images(results), results


def _input(entry: Control) -> tuple[Any, dict[str, Any]]:
    """An option as ComfyUI describes an input: its type, and what its widget needs to know."""
    help = f"{entry.help_with_choices} ({entry.unit})" if entry.unit else entry.help_with_choices
    shown: dict[str, Any] = {"tooltip": help} | ({"advanced": True} if entry.advanced else {})
    if entry.kind == "picture":
        return "IMAGE", shown
    if entry.kind == "seed":
        return "INT", {"default": 0, "min": 0, "max": MAX_SEED, "control_after_generate": True, **shown}
    shown["default"] = entry.default
    if entry.kind in _NUMBERS:
        step = {} if entry.step is None else {"step": entry.step}
        return _NUMBERS[entry.kind], {"min": entry.low, "max": entry.high, **step, **shown}
    if entry.kind == "choice":
        return list(entry.choices), shown
    return ("BOOLEAN", shown) if entry.kind == "bool" else ("STRING", {"multiline": True, **shown})


def _photo(picture: Tensor) -> Photo:
    """A picture (H, W, 3) of ComfyUI, in 8 bits, as all of its files are."""
    return Photo.of_pixels((picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())


def _images(results: list[Result]) -> Tensor:
    return torch.stack([torch.from_numpy(result.pixels()) / 255 for result in results])


def _node(info: MethodInfo) -> type[ColorizeNode]:
    name = f"Colorizers{info.name.title().replace('_', '')}"
    return type(name, (ColorizeNode,), {"info": info, "DESCRIPTION": f"{info.purpose} ({info.paper})"})


_NODES = {node.__name__: node for node in (_node(method.info) for method in METHODS.values())}
NODE_CLASS_MAPPINGS: dict[str, type] = {**_NODES, "ColorizersAdjust": AdjustNode}
NODE_DISPLAY_NAME_MAPPINGS = {name: f"Colorize: {node.info.title}" for name, node in _NODES.items()}
NODE_DISPLAY_NAME_MAPPINGS["ColorizersAdjust"] = "Colorize: adjust"
