"""The nodes for ComfyUI: loaded as it loads them, described as it wants them, with the pixels of the Python API."""

import importlib.util
import json
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from colorizers import Photo, colorize
from colorizers.methods.catalog import METHODS
from colorizers.options import controls
from colorizers.picture.finish import Finish
from colorizers.settings import PROJECT

PACK = PROJECT / "integrations" / "comfyui"
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN"}
SOCKETS = {"IMAGE", "COLORIZERS_COLORS"}


@pytest.fixture(scope="module")
def pack() -> ModuleType:
    """The folder as a package under a name of ComfyUI's making."""
    name = "custom_nodes.colorizers_nodes"
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """A batch of two, (2, 48, 64, 3)."""
    gray = torch.rand(2, 48, 64, 1, generator=torch.Generator().manual_seed(0))
    return ((gray * 255).round() / 255).expand(-1, -1, -1, 3)


def test_every_method_has_a_node_with_all_of_its_options(pack: ModuleType):
    nodes = pack.NODE_CLASS_MAPPINGS
    assert nodes.keys() == pack.NODE_DISPLAY_NAME_MAPPINGS.keys()
    by_method = {node.info.name: node for node in nodes.values() if hasattr(node, "info")}
    assert list(by_method) == list(METHODS)
    for name, node in by_method.items():
        inputs = node.INPUT_TYPES()
        given = inputs["required"].keys() | inputs["optional"].keys()
        assert given == {"image", "hints"} | {entry.name for entry in controls(METHODS[name].info.options)}
    adjust = nodes["ColorizersAdjust"].INPUT_TYPES()["required"]
    assert adjust.keys() == {"colors"} | set(Finish.model_fields)


def test_the_nodes_are_described_as_comfyui_wants_them(pack: ModuleType):
    for node in pack.NODE_CLASS_MAPPINGS.values():
        assert callable(getattr(node, node.FUNCTION))
        assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
        assert set(node.RETURN_TYPES) <= SOCKETS
        described = node.INPUT_TYPES()
        json.dumps(described)  # what ComfyUI sends to its page
        for kind, settings in (entry for group in described.values() for entry in group.values()):
            if isinstance(kind, list):
                assert settings["default"] in kind
            elif kind in ("INT", "FLOAT"):
                assert settings["min"] <= settings["default"] <= settings["max"]
            else:
                assert kind in SOCKETS or "default" in settings
            assert isinstance(kind, list) or kind in WIDGETS | SOCKETS


def test_a_node_gives_the_pixels_of_the_python_api(pack: ModuleType, pictures: torch.Tensor):
    node = pack.NODE_CLASS_MAPPINGS["ColorizersUnet"]
    values = {name: settings["default"] for name, (_, settings) in node.INPUT_TYPES()["required"].items() if settings}
    image, colors = node().colorize(pictures, **values)
    assert (image.shape, image.dtype, len(colors)) == ((2, 48, 64, 3), torch.float32, 2)
    for picture, made in zip(pictures, image, strict=True):
        photo = Photo.of_pixels((picture * 255).round().byte().numpy())
        assert np.array_equal((made * 255).round().byte().numpy(), colorize(photo)[0].pixels())

    adjust = pack.NODE_CLASS_MAPPINGS["ColorizersAdjust"]()
    finished, _ = adjust.adjust(colors, **{**dict(Finish()), "color_strength": 0.0})
    assert (finished.amax(-1) - finished.amin(-1)).max() < 0.01
    assert np.array_equal((adjust.adjust(colors, **dict(Finish()))[0]), image)


def test_a_reference_and_hints_are_inputs_too(pack: ModuleType, pictures: torch.Tensor):
    red = torch.tensor([0.7, 0.2, 0.2]) * pictures[:1]
    image, _ = pack.NODE_CLASS_MAPPINGS["ColorizersAdain"]().colorize(pictures[:1], reference=red)
    assert image[..., 0].mean() > image[..., 2].mean() + 0.05
    hints = json.dumps([{"path": [[0.5, 0.5]], "color": "#2030c0", "reach": 10}])
    blue, _ = pack.NODE_CLASS_MAPPINGS["ColorizersUnet"]().colorize(pictures[:1], hints=hints)
    assert blue[0, 24, 32, 2] > blue[0, 24, 32, 0]
