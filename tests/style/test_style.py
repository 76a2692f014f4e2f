"""Style transfer: losses that fall with every network, colours given back, an end at any step."""

import contextlib
import gc
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from conftest import encoded
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor, nn
from web_server import settings

from colorizers.__main__ import main
from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.engine.local import LocalBackend
from colorizers.errors import Cancelled, ColorizerError
from colorizers.methods.method import Job, Step
from colorizers.methods.palette import palette_transfer
from colorizers.methods.style.canvas import ColorCanvas, RgbCanvas
from colorizers.methods.style.loss import LOSSES, LossWeights, StyleLoss, total_variation
from colorizers.methods.style.optimize import Descent
from colorizers.methods.style.options import StyleOptions, layers_of, loss_weights_of
from colorizers.methods.style.transfer import METHOD, match_luminance, pyramid
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.imagenet import normalised
from colorizers.networks.vgg import COMPACT, VGG19
from colorizers.options import controls
from colorizers.picture.color import gray_rgb, rgb_to_lab
from colorizers.picture.photo import Photo, network_size
from colorizers.pool import ModelPool
from colorizers.settings import PROJECT

NETWORKS = METHOD.networks
GRAY, COLOUR = "dog_gray", "dog"


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=() if name == "compact" else pytest.mark.slow) for name in NETWORKS],
)
def backbone(request: pytest.FixtureRequest) -> tuple[str, nn.Module]:
    """A network of random weights, as the pool holds it, and its name."""
    torch.manual_seed(0)
    return request.param, NETWORKS[request.param]().eval().requires_grad_(False)


def small(name: str, side: int = 64) -> Photo:
    """A photograph of test_images with its long side brought down."""
    with Image.open(PROJECT / "test_images" / f"{name}.jpg") as image:
        image.thumbnail((side, side))
        return Photo.open(encoded(image), name=name)


def options(**given: object) -> StyleOptions:
    return StyleOptions(**{"reference": small("citrus"), "seed": 0, "working_size": 64} | given)


def loss_of(name: str, network: nn.Module, alone: str) -> StyleLoss:
    """One loss alone, of a dog in the style of fruits."""
    chosen = options(weights=name)
    layers = layers_of(chosen)
    balance = LossWeights(**{each: float(each == alone) for each in LOSSES}, layers=dict.fromkeys(layers.style, 1.0))
    lightness = small(GRAY).network_lightness(64)
    return StyleLoss(network, layers, balance, gray_rgb(lightness), small("citrus").reference_rgb((64, 64)))


def noise(channels: int, side: int) -> Tensor:
    return torch.randn(channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("alone", LOSSES)
@pytest.mark.parametrize("canvas", [ColorCanvas, RgbCanvas])
def test_each_loss_alone_moves_every_part_of_the_picture_and_falls(backbone, alone: str, canvas: type):
    name, network = backbone
    loss = loss_of(name, network, alone)
    shown = canvas(small(GRAY).network_lightness(64))
    planes = noise(2, 32) if canvas is ColorCanvas else noise(3, 64)
    planes.requires_grad_()
    loss(shown.rgb(planes), planes)[alone].backward()
    assert planes.grad.isfinite().all()
    moved = planes.grad.abs().sum((1, 2)) > 0
    assert moved.all(), "a network without gradients leaves the picture to the smoothness alone"
    told: list[dict[str, float]] = []

    def seen(best: Tensor, losses: dict[str, float]) -> bool:
        told.append(losses)
        return False

    best = Descent().minimize(planes, lambda each: loss(shown.rgb(each), each), 8, seen)
    assert [set(losses) for losses in told] == [set(LOSSES)] * 8
    final = loss(shown.rgb(best), best)[alone].item()
    assert final == pytest.approx(min(losses[alone] for losses in told), rel=1e-4), "the best is kept"
    assert final < 0.9 * told[0][alone]


class TestNetworks:
    def test_name_the_layers_of_vgg19_as_the_paper_does(self):
        from torchvision.models import vgg19

        theirs, ours = vgg19().eval(), VGG19().eval()
        state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("classifier")}
        ours.load_state_dict(state)
        pictures = torch.rand(1, 3, 32, 48)
        with torch.no_grad():
            found = ours(pictures, ["relu4_2", "relu1_1", "relu5_4"])
            level = normalised(pictures)
            for index, layer in enumerate(theirs.features):
                level = layer(level)
                at = {1: "relu1_1", 22: "relu4_2", 35: "relu5_4"}.get(index)
                assert at is None or torch.equal(found[at], level)

    @pytest.mark.slow
    @pytest.mark.slow
    def test_give_the_blocks_of_torchvisions_resnet_and_swin(self):
        from torchvision.models import resnet34, swin_b

        blocks = {"layer1.2": "block1_3", "layer3.5": "block3_6"}
        self._same(resnet34(), ResNet34(), {"relu": "stem", **blocks})
        self._same(swin_b(), SwinB(), {"features.0": "stem", "features.1.1": "block1_2", "features.5.17": "block3_18"})

    @staticmethod
    def _same(theirs: nn.Module, ours: nn.Module, blocks: Mapping[str, str]) -> None:
        from torchvision.models.feature_extraction import create_feature_extractor

        state = theirs.state_dict()
        ours.load_state_dict({name: state[name] for name in ours.state_dict()})
        pictures = torch.rand(1, 3, 64, 96)
        with torch.no_grad():
            wanted = create_feature_extractor(theirs.eval(), dict(blocks))(normalised(pictures))
            found = ours.eval()(pictures, list(blocks.values()))
        for name in blocks.values():
            truth = wanted[name] if isinstance(ours, ResNet34) else wanted[name].movedim(-1, 1)
            assert found[name].shape == truth.shape
            assert torch.allclose(found[name], truth, atol=1e-5)

    def test_run_nothing_deeper_than_the_deepest_layer_that_is_asked_for(self, backbone):
        _, network = backbone
        ran: list[str] = []
        leaves = [(name, module) for name, module in network.named_modules() if not [*module.children()]]
        hooks = [m.register_forward_hook(lambda *_, name=name: ran.append(name)) for name, m in leaves]
        try:
            found = network(torch.rand(1, 3, 32, 32), [network.layers[1]])
        finally:
            for hook in hooks:
                hook.remove()
        assert list(found) == [network.layers[1]]
        assert 0 < len(ran) < len(leaves) / 3

    def test_see_a_strip_of_a_few_pixels(self, backbone):
        name, network = backbone
        wanted = layers_of(options(weights=name)).style
        assert set(network(torch.rand(1, 3, 4, 64), wanted)) == set(wanted)


class TestLosses:
    """The formulas, beside plain ones."""

    @pytest.fixture
    def features(self) -> tuple[nn.Module, Tensor, Tensor, Tensor]:
        torch.manual_seed(0)
        return VGG19(COMPACT).eval().requires_grad_(False), *torch.rand(3, 3, 32, 32)

    def test_of_the_original_app_are_plain_means_and_the_style_counts_ten_times(self, features):
        network, picture, content, reference = features
        layers = layers_of(options(balance="original"))
        assert layers.style == ("relu1_1", "relu1_2", "relu2_2", "relu3_3", "relu4_2")
        assert layers.content == "relu3_3"
        balance = LossWeights(1.0, 1000.0, 10.0, dict.fromkeys(layers.style, 1.0), relative=False)
        found = StyleLoss(network, layers, balance, content, reference)(picture, picture)
        with torch.no_grad():
            ours, fixed = (network(each[None], layers.style) for each in (picture, reference))
            theirs = network(content[None], ["relu3_3"])["relu3_3"]

        def gram(features: Tensor) -> Tensor:
            _, channels, height, width = features.shape
            flat = features.reshape(channels, height * width)
            return flat @ flat.T / (channels * height * width)

        style = sum((gram(ours[name]) - gram(fixed[name])).square().mean() for name in layers.style)
        assert found["style"].item() == pytest.approx(1000 * 10 * style.item(), rel=1e-4)
        assert found["content"].item() == pytest.approx((ours["relu3_3"] - theirs).square().mean().item(), rel=1e-4)
        unrest = (picture.diff(dim=1).abs().mean() + picture.diff(dim=2).abs().mean()) / 2
        assert found["smoothness"].item() == pytest.approx(10 * unrest.item(), rel=1e-5)

    def test_that_are_even_are_shares_and_a_layer_counts_as_it_is_told(self, features):
        network, picture, content, reference = features
        layers = layers_of(options())
        named = dict.fromkeys(layers.style, 1.0)

        def style(weights: Mapping[str, float]) -> float:
            balance = LossWeights(0.0, 1.0, 0.0, weights)
            return StyleLoss(network, layers, balance, content, reference)(picture, picture)["style"].item()

        alone = [style({name: float(name == each) for name in named}) for each in named]
        assert style(named) == pytest.approx(sum(alone) / 5, rel=1e-4)
        doubled = style(named | {"relu1_1": 2.0})
        assert doubled == pytest.approx((2 * alone[0] + sum(alone[1:])) / 6, rel=1e-4)
        with torch.no_grad():
            own, fixed = (network(each[None], ["relu1_1"])["relu1_1"][0].flatten(1) for each in (picture, reference))
        own, fixed = (each @ each.T for each in (own, fixed))
        assert alone[0] == pytest.approx(((own - fixed).norm() / fixed.norm()).square().item(), rel=1e-4)

    def test_of_a_picture_like_itself_are_nothing(self, features):
        network, picture, *_ = features
        layers = layers_of(options())
        balance = LossWeights(1.0, 1.0, 0.0, dict.fromkeys(layers.style, 1.0))
        found = StyleLoss(network, layers, balance, picture, picture)(picture, picture)
        assert sum(part.item() for part in found.values()) < 1e-9
        assert total_variation(torch.ones(3, 1, 1)).item() == 0


def test_the_pyramid_goes_from_coarse_to_fine_and_spends_every_step():
    assert [share for share, _ in pyramid(256, 100)] == [0.25, 0.5, 1.0]
    assert [share for share, _ in pyramid(64, 100)] == [1.0]
    for side in (4, 64, 127, 128, 256, 512):
        for steps in (1, 2, 3, 10, 100, 300):
            counts = [count for _, count in pyramid(side, steps)]
            assert sum(counts) == steps
            assert min(counts) > 0


@dataclass
class Told:
    """A job of a test: it is told what the engine would be."""

    network: nn.Module
    stop_at: int = 0
    cancel_at: int = 0
    steps: list[tuple[int, Mapping[str, float] | None]] = field(default_factory=list)
    shares: list[float | None] = field(default_factory=list)

    def job(self) -> Job:
        return Job(self, torch.device("cpu"), self.report, lambda: len(self.steps) - 1 == self.stop_at)

    @contextlib.contextmanager
    def lease(self, key: str):
        yield self.network

    def report(self, step: Step) -> None:
        self.steps.append((step.done, step.losses))
        self.shares.append(step.share)
        if self.cancel_at and step.done == self.cancel_at:
            raise Cancelled


class Counted(VGG19):
    """Counts how often it looks at a picture that carries gradients, and in whose thread."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__((4, 4, 8, 8, 8))
        self.threads: list[int] = []

    def forward(self, pictures: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        if pictures.requires_grad:
            self.threads.append(threading.get_ident())
        return super().forward(pictures, wanted)


def counting() -> tuple[Counted, Engine]:
    network = Counted()
    pool = ModelPool({"style": lambda key, device, reader: network}, torch.device("cpu"), 10**9)
    return network, Engine({"style": METHOD}, LocalBackend({"style": METHOD}, pool))


class TestRuns:
    @pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
    def test_stop_gives_the_best_so_far_within_one_step(self, optimizer: str):
        told = Told(Counted().eval().requires_grad_(False), stop_at=7)
        chosen = options(optimizer=optimizer, learning_rate=1, steps=40, start="noise", bilateral=False)
        (outcome,) = METHOD.run(small(GRAY), chosen, told.job())
        assert len(told.network.threads) == 7
        assert [done for done, _ in told.steps] == list(range(8))
        totals = [sum(losses.values()) for _, losses in told.steps if losses]
        assert min(totals) < totals[0]
        lightness = small(GRAY).network_lightness(64)
        size = network_size(chosen.reference.size, 64)
        model = match_luminance(chosen.reference.reference_rgb(size), lightness)
        loss = StyleLoss(told.network, layers_of(chosen), loss_weights_of(chosen), gray_rgb(lightness), model)
        planes = outcome.ab / AB_SCALE
        given = sum(part.item() for part in loss(ColorCanvas(lightness).rgb(planes), planes).values())
        assert given == pytest.approx(min(totals), rel=0.01)

    @pytest.mark.parametrize("name", ["compact", "vgg19"])
    def test_a_large_network_gets_as_far_in_bfloat16_and_the_shipped_one_is_exact(self, name: str):
        torch.manual_seed(0)
        network, found = NETWORKS[name]().eval().requires_grad_(False), []
        for dtype in ("float32", "bfloat16"):
            told = Told(network)
            with settings(dtype=dtype):
                METHOD.run(small(GRAY), options(weights=name, steps=20), told.job())
            found.append(min(sum(losses.values()) for _, losses in told.steps if losses))
        single, half = found
        assert (half == single) is (name == "compact")
        assert half == pytest.approx(single, rel=0.03)

    def test_the_rate_of_adam_falls_over_all_sizes(self):
        rates: list[float] = []

        class Noted(Descent):
            def rate(self, done: int) -> float:
                rates.append(super().rate(done))
                return rates[-1]

        start = torch.ones(1, 2, 2)
        for before in (0, 3):
            Noted("adam", 0.5, 2).minimize(
                start, lambda each: {"size": each.square().sum()}, 3, lambda *_: False, before
            )
        assert rates == pytest.approx([0.5, 0.5, 0.4, 0.4, 0.32, 0.32])

    def test_a_cancel_ends_within_one_step_and_gives_the_memory_back(self):
        told = Told(Counted().eval().requires_grad_(False), cancel_at=5)
        photo, chosen = small(GRAY), options(steps=40)
        before = living_tensors()
        with pytest.raises(Cancelled):
            METHOD.run(photo, chosen, told.job())
        assert len(told.network.threads) == 5
        assert living_tensors() <= before

    def test_the_share_that_is_told_is_that_of_the_pixels_that_were_worked_on(self):
        told = Told(Counted().eval().requires_grad_(False))
        METHOD.run(small(GRAY, 128), options(steps=10, working_size=128), told.job())
        (_, coarse), (_, fine) = pyramid(128, 10)
        assert told.shares[coarse] == pytest.approx(coarse / 4 / (coarse / 4 + fine))
        assert told.shares[-1] == 1

    def test_two_visitors_take_turns(self):
        network, engine = counting()
        gate = threading.Barrier(2)

        def visit() -> None:
            gate.wait()
            engine.results(JobRequest(small(GRAY), "style", dict(options(steps=6))))

        visitors = [threading.Thread(target=visit) for _ in range(2)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        assert len(network.threads) == 12
        assert len(set(network.threads)) == 1, "one worker does one job after the other"

    def test_tells_its_losses_and_looks_as_it_goes(self):
        _, engine = counting()
        events = list(engine.run(engine.checked(JobRequest(small(GRAY), "style", dict(options(steps=8))))))
        told = [event for event in events if isinstance(event, Step) and event.losses]
        assert told
        assert all(set(event.losses) == set(METHOD.info.losses) == set(LOSSES) for event in told)
        assert any(event.preview is not None for event in told)
        assert "Compact" in str(told[-1].text)
        assert isinstance(events[-1], Done)

    def test_the_same_request_gives_the_same_pixels_and_another_seed_other_noise(self):
        _, engine = counting()

        def pixels(seed: int) -> bytes:
            asked = JobRequest(small(GRAY), "style", dict(options(start="noise", steps=3, seed=seed)))
            return engine.results(asked)[0].pixels().tobytes()

        assert pixels(1) == pixels(1) != pixels(2)

    def test_a_painting_has_its_own_light_unless_the_photos_is_asked_for(self):
        _, engine = counting()
        photo, chosen = small(GRAY), dict(options(mode="artistic", steps=6))

        def apart(**finish: float) -> np.ndarray:
            result = engine.results(JobRequest(photo, "style", chosen, finish))[0]
            assert result.record.finish["luminance_lock"] == finish.get("luminance_lock", 0)
            return np.abs(rgb2lab(result.pixels())[..., 0] - photo.lightness.numpy())

        assert apart().mean() > 1
        assert apart(luminance_lock=1).max() <= 0.5

    def test_the_bilateral_filter_smooths(self):
        _, engine = counting()

        def unrest(**chosen: object) -> float:
            asked = JobRequest(small(GRAY), "style", dict(options(start="noise", steps=1, **chosen)))
            outcome = engine.results(asked)[0].coloring.outcome
            return total_variation(outcome.ab if hasattr(outcome, "ab") else outcome.rgb).item()

        for mode in ("reconstruction", "artistic"):
            assert unrest(bilateral=True, mode=mode) < 0.7 * unrest(bilateral=False, mode=mode)


NO_LAYER = {f"style_layer_{k}": 0 for k in range(1, 6)}


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(
    "extreme",
    [
        *({entry.name: value} for entry in controls(StyleOptions) if entry.kind in ("int", "float")
          for value in (entry.low, entry.high) if entry.name not in ("steps", "working_size")),
        NO_LAYER,
        NO_LAYER | {"content_weight": 0},
        {"steps": 1},
    ],
    ids=str,
)  # fmt: skip
def test_every_end_of_every_slider_gives_a_picture(extreme: dict, optimizer: str):
    _, engine = counting()
    chosen = dict(options(**{"steps": 4, "optimizer": optimizer} | extreme))
    result = engine.results(JobRequest(small(GRAY), "style", chosen))[0]
    assert result.coloring.outcome.ab.isfinite().all()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"style_weight": 0, "content_weight": 0, "tv_weight": 0},
            "Every weight is 0, so there is nothing to optimise",
        ),
        ({"reference": Photo(torch.zeros(4, 4), "fog")}, "The reference fog has no colours; choose a colour picture."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(chosen: dict, said: str):
    _, engine = counting()
    with pytest.raises(ColorizerError, match=said):
        engine.results(JobRequest(small(GRAY), "style", dict(options(**chosen))))


def test_a_network_that_is_not_here_is_named_with_the_command_that_fetches_it(tmp_path, capsys):
    arguments = [PROJECT / "test_images" / "dog_gray.jpg", "-o", tmp_path / "out.png", "--method", "style",
                 "--reference", PROJECT / "test_images" / "dog.jpg", "--weights", "vgg19"]  # fmt: skip
    assert main(["colorize", *map(str, arguments)]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "vgg19" in said
    assert said.endswith("get them with: colorizers weights download vgg19.")


@pytest.mark.slow
def test_a_photo_gets_its_own_colours_back_better_than_statistics_give_them():
    engine, better = make_engine(), 0
    names = ("astronaut", "dog", "mountains", "parrot", "bee")
    for name in names:
        photo = small(name, 96)
        truth = rgb_to_lab(torch.tensor(photo.rgb).movedim(-1, 0) / 255)[1:]
        asked = JobRequest(photo, "style", dict(options(reference=photo, steps=60)))
        light, *given = torch.from_numpy(rgb2lab(engine.results(asked)[0].pixels())).movedim(-1, 0)
        assert (light - photo.lightness).abs().max() <= 0.5
        given = torch.stack(given)
        statistics = palette_transfer(photo.lightness, photo.reference_lab(128))
        gray, palette, ours = (
            (each - truth).square().mean().sqrt() for each in (torch.zeros_like(truth), statistics, given)
        )
        better += int(ours < min(gray, palette))
    assert better >= 4, f"of {len(names)}"


def living_tensors() -> int:
    """How many tensors of some size there are."""
    gc.collect()
    return sum(isinstance(each, Tensor) and each.numel() > 1000 for each in gc.get_objects())
