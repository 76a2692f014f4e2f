"""Networks that OpenVINO computes: the same colours at every size, once there were passes enough to pay for it."""

import itertools
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from shipped_networks import CPU, SHIPPED, colors, photo, seeded, shipped
from torch import Tensor, nn

from colorizers.methods import converted
from colorizers.methods.catalog import METHODS
from colorizers.methods.converted import Converted, can_convert
from colorizers.methods.trained import Trained
from colorizers.networks.prepared import prepared
from colorizers.picture.hints import checked_hints, planes
from colorizers.pool import ModelPool
from colorizers.settings import get_settings
from colorizers.weights.registry import PUBLISHED

LARGEST = 0.05  # difference in Lab units
QUICK = "unet/efficientnet"
KEYS = [pytest.param(key, marks=() if key == QUICK else pytest.mark.slow) for key in SHIPPED]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert before the first pass."""
    monkeypatch.setattr(converted, "PAYS_AFTER", 0)


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """OpenVINO is used where it is installed, which the other tests do without."""
    monkeypatch.setenv("COLORIZERS_RUNTIME", "auto")
    get_settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("key", KEYS)
def test_a_converted_network_gives_the_same_colours_at_every_size(key: str):
    network = prepared(shipped(key), CPU)
    fast = Converted(network)
    whole = photo()
    square, tall = whole[..., :128, :128], whole[..., :160, :100]
    for lightness in (whole, torch.cat((square, square.flip(-1))), tall):
        assert (colors(fast, lightness) - colors(network, lightness)).abs().max() < LARGEST


@pytest.mark.usefixtures("at_once")
@torch.inference_mode()
def test_a_converted_network_listens_to_hints():
    network = prepared(shipped("unet/hints"), CPU)
    fast, lightness = Converted(network), photo()
    alone = fast.head.read(fast(lightness))
    hints = checked_hints([{"path": [(0.5, 0.5)], "color": "#c02020"}])
    given = [plane[None] for plane in planes(hints, lightness.shape[-2:])]
    hinted = fast.head.read(fast(lightness, *given))
    assert (hinted - network.head.read(network(lightness, *given))).abs().max() < LARGEST
    assert (hinted - alone).abs().max() > 1


class Doubling(nn.Module):
    """Weights of 12 bytes, and passes that are counted in Python, which OpenVINO does not come past."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(2 * torch.ones(3))
        self.seen = 0

    def forward(self, planes: Tensor) -> Tensor:
        self.seen += 1
        return self.weight[:, None, None] * planes


def test_a_network_is_converted_when_it_pays_and_the_pool_counts_what_that_takes():
    pool = ModelPool({"some": lambda *_: Converted(Doubling())}, CPU, budget=10**9)
    given = torch.rand(1, 3, 4, 5, generator=seeded(0))
    with pool.lease("some/one") as leased, torch.inference_mode():
        for _ in range(converted.PAYS_AFTER):
            leased.model(given)
        assert leased.model.seen == converted.PAYS_AFTER
        assert pool.stats().bytes == 12
        assert torch.equal(leased.model(given), 2 * given)
        seen = leased.model.seen
        assert torch.equal(leased.model(given), 2 * given)
        assert leased.model.seen == seen
        assert pool.stats().bytes == 24


@pytest.mark.usefixtures("at_once")
def test_a_network_that_cannot_be_converted_says_so():
    class Sorting(nn.Module):
        def forward(self, planes: Tensor) -> Tensor:
            return torch.linalg.eigvals(planes).abs()

    with pytest.raises(Exception, match="linalg_eigvals"):
        Converted(Sorting())(torch.rand(1, 3, 4, 4))


@pytest.mark.usefixtures("at_once")
def test_a_network_is_converted_while_another_job_sets_the_flags_of_torch():
    class Disturbed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Conv2d(3, 3, 1)
            self.passes = itertools.count()

        def forward(self, planes: Tensor) -> Tensor:
            with torch.backends.cudnn.flags(enabled=True, deterministic=next(self.passes) % 2 == 0):
                return self.mix(planes)

    network, given = Disturbed(), torch.rand(1, 3, 4, 5, generator=seeded(0))
    with torch.inference_mode():
        assert torch.allclose(Converted(network)(given), network(given), atol=1e-5)


def test_the_settings_and_the_device_decide(wanted: pytest.MonkeyPatch):
    assert can_convert(CPU)
    assert not can_convert(torch.device("cuda"))
    wanted.setenv("COLORIZERS_RUNTIME", "torch")
    get_settings.cache_clear()
    assert not can_convert(CPU)


def test_methods_convert_their_own_networks_of_one_pass():
    trained = [method for method in METHODS.values() if isinstance(method, Trained)]
    converts = {key for method in trained for key in method.own_weights if method.converts(key)}
    assert converts == set(SHIPPED) - {"multicolor/lab_hsv_yuv"}, "which gains nothing"
    published = [key for key in PUBLISHED if key.startswith(("cnn/", "gan/", "transformer/"))]
    assert published
    assert not any(METHODS[key.partition("/")[0]].converts(key) for key in published)


def test_nobody_is_told_that_openvino_is_used():
    script = (
        "import sys, torch; from colorizers.methods import converted; converted.PAYS_AFTER = 0\n"
        "converted.Converted(torch.nn.Conv2d(1, 1, 3))(torch.rand(1, 1, 8, 8))\n"
        "sys.exit('openvino' not in sys.modules or any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
