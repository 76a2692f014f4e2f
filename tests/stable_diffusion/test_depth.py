"""Depth estimators: what they say of a picture, and what is refused before it is run."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from conftest import reader
from controlnet_aux import MidasDetector
from controlnet_aux.midas.midas import vit
from controlnet_aux.midas.midas.dpt_depth import DPTDepthModel
from PIL import Image
from tiny_models import save_depth
from torch import Tensor, nn
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor, pipeline

from colorizers.errors import ColorizerError
from colorizers.methods.stable_diffusion.depth import Depth, load_depth
from colorizers.settings import get_settings

pytestmark = pytest.mark.sd
CPU = torch.device("cpu")
PUBLISHED = ("dpt", "depth_anything")
SIZES = [(128, 64), (512, 64), (64, 512)]


class Says(nn.Module):
    """An estimator that knows what it will say."""

    def __init__(self, inverse: Tensor) -> None:
        super().__init__()
        self.inverse = inverse

    def forward(self, pixels) -> Tensor:
        return self.inverse


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where weights are looked for."""
    yield from looked_for(tmp_path, monkeypatch)


def looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("COLORIZERS_WEIGHTS_DIR", str(folder))
    get_settings.cache_clear()
    yield folder
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def midas_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with MiDaS' own network, of random weights."""
    torch.manual_seed(0)
    network = DPTDepthModel(path=None, backbone="vitb_rn50_384", non_negative=True)
    nn.init.constant_(network.scratch.output_conv[4].bias, 1.0)  # what it says is nowhere cut off at 0
    path = tmp_path_factory.mktemp("midas") / "depth_midas.pt"
    torch.save(network.state_dict(), path)
    yield path.parent
    path.unlink()


@pytest.fixture(scope="module")
def midas(midas_folder: Path) -> Iterator[nn.Module]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from (load_depth("depth/midas", CPU, reader()).eval() for _ in looked_for(midas_folder, monkeypatch))


def saved(name: str, folder: Path) -> Path:
    """A tiny network of random weights as transformers saves it."""
    place = folder / f"depth_{name}"
    return save_depth(place) if name == "dpt" else save_depth_anything(place)


def save_depth_anything(folder: Path) -> Path:
    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=4, image_size=56, patch_size=14,
        out_features=[f"stage{k}" for k in range(1, 5)], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=32, patch_size=14, neck_hidden_sizes=[16, 16, 32, 32],
        fusion_hidden_size=16,
    )  # fmt: skip
    DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    processor = DPTImageProcessor(size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14)
    processor.save_pretrained(folder)
    return folder


def rewritten(folder: Path, change) -> None:
    """Change the tensors of a saved network."""
    path = folder / "model.safetensors"
    state = safetensors.torch.load_file(path)
    change(state)
    safetensors.torch.save_file(state, path, {"format": "pt"})


def picture(height: int, width: int) -> Tensor:
    """sRGB (3, H, W) of a bright disc on noise."""
    down, along = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    noise = torch.rand(height, width, generator=torch.Generator().manual_seed(0))
    return (0.3 * noise + 0.7 * (down.hypot(along) < 0.6)).expand(3, -1, -1)


def assert_depth(depth: Tensor, size: tuple[int, int]) -> None:
    assert depth.shape == size
    assert depth.dtype == torch.float32
    assert (depth.min(), depth.max()) == (0, 1)
    assert depth.std() > 0.1


@pytest.mark.parametrize("size", SIZES)
def test_midas_gives_a_map_of_the_pictures_size(midas: nn.Module, size: tuple[int, int]):
    assert_depth(midas(picture(*size)), size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_estimators_give_a_map_of_the_pictures_size(name: str, size: tuple[int, int], folder: Path):
    saved(name, folder)
    assert_depth(load_depth(f"depth/{name}", CPU, reader()).eval()(picture(*size)), size)


def test_midas_says_what_controlnet_aux_makes_of_the_same_file(midas: nn.Module, midas_folder: Path):
    detector = MidasDetector.from_pretrained(str(midas_folder), filename="depth_midas.pt")
    pixels = (255 * picture(64, 128)).round().byte()
    said = detector(Image.fromarray(pixels.movedim(0, -1).numpy()), detect_resolution=64, image_resolution=64)
    levels = torch.frombuffer(bytearray(said.getchannel(0).tobytes()), dtype=torch.uint8).view(64, 128) / 255
    assert torch.allclose(midas(pixels / 255), Depth(Says(levels))(pixels / 255), atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_estimators_say_what_transformers_own_pipeline_says(name: str, folder: Path):
    place = saved(name, folder)
    pixels = (255 * picture(64, 128)).round().byte()
    own = pipeline("depth-estimation", model=str(place), device=CPU)(Image.fromarray(pixels.movedim(0, -1).numpy()))
    ours = load_depth(f"depth/{name}", CPU, reader()).eval()(pixels / 255)
    low, high = own["predicted_depth"].quantile(torch.tensor([0.02, 0.98]))
    both = torch.stack((ours, own["predicted_depth"].clamp(low, high))).flatten(1)
    assert torch.corrcoef(both)[0, 1] > 0.99


def test_near_is_bright_and_a_few_stray_pixels_do_not_darken_the_rest():
    inverse = torch.linspace(2, 6, 128).repeat(64, 1)
    inverse[0, :10] = 1e6
    depth = Depth(Says(inverse))(picture(64, 128))
    assert (depth[1:].diff(dim=1) >= 0).all()
    assert (depth[1:, 0] == 0).all()
    assert (depth[1:, -1] == 1).all()
    assert depth[1:, 64].numpy() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("level", [0.0, 3.7, -2.0])
def test_an_even_depth_is_middle_gray(level: float):
    assert (Depth(Says(torch.full((32, 64), level)))(picture(64, 128)) == 0.5).all()


def test_midas_survives_a_network_that_says_nothing(midas: nn.Module, recwarn: pytest.WarningsRecorder):
    last = midas.estimator.network.scratch.output_conv[4]
    bias = last.bias.detach().clone()
    try:
        nn.init.constant_(last.bias, -1e6)
        assert (midas(picture(64, 128)) == 0.5).all()
    finally:
        last.bias.data.copy_(bias)
    assert not list(recwarn)


def test_an_even_picture_has_a_depth(midas: nn.Module):
    depth = midas(torch.full((3, 64, 128), 0.5))
    assert ((depth >= 0) & (depth <= 1)).all()


def test_midas_keeps_nothing_of_the_picture(midas: nn.Module):
    midas(picture(64, 128))
    assert not vit.activations


@pytest.mark.parametrize("name", ["midas", *PUBLISHED])
def test_what_is_not_here_is_named(name: str, no_weights: None):
    with pytest.raises(ColorizerError, match=f"{name}.* not installed"):
        load_depth(f"depth/{name}", CPU, reader())


def test_midas_must_fit_its_network(folder: Path):
    torch.save({"stranger": torch.zeros(1)}, folder / "depth_midas.pt")
    with pytest.raises(ColorizerError, match=r"missing; stranger unknown"):
        load_depth("depth/midas", CPU, reader())


def test_code_in_the_file_of_midas_is_refused_and_not_run(folder: Path):
    trap = folder / "trap"

    class Code:
        def __reduce__(self):
            return Path.touch, (trap,)

    (folder / "depth_midas.pt").write_bytes(pickle.dumps({"code": Code()}, protocol=2))
    with pytest.raises(ColorizerError, match=r"depth_midas\.pt is damaged or holds more than tensors"):
        load_depth("depth/midas", CPU, reader())
    assert not trap.exists()


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("head.conv1.weight", state.pop("head.head.0.weight", None)), "weight"),
        (lambda state: state.update(stranger=torch.zeros(1)), "stranger"),
        (lambda state: state.update({"neck.convs.0.weight": torch.zeros(2, 2)}), r"neck\.convs\.0\.weight"),
    ],
    ids=["missing", "unknown", "of another shape"],
)
def test_published_estimators_must_fit_their_network(name: str, change, said: str, folder: Path):
    rewritten(saved(name, folder), change)
    with pytest.raises(ColorizerError, match=f"depth_{name} do not fit their network, as in .*{said}"):
        load_depth(f"depth/{name}", CPU, reader())


def test_dpt_does_without_the_layer_that_its_published_files_lack(folder: Path):
    place = saved("dpt", folder)
    whole = load_depth("depth/dpt", CPU, reader()).eval()(picture(64, 128))
    lacking = "neck.fusion_stage.layers.0.residual_layer1."
    rewritten(place, lambda state: [state.pop(name) for name in list(state) if name.startswith(lacking)])
    assert torch.equal(load_depth("depth/dpt", CPU, reader()).eval()(picture(64, 128)), whole)


@pytest.mark.parametrize("name", PUBLISHED)
def test_half_precision_is_taken_and_runs_in_single(name: str, folder: Path):
    place = saved(name, folder)
    rewritten(place, lambda state: state.update({name: tensor.half() for name, tensor in state.items()}))
    (place / "model.safetensors").rename(place / "model.fp16.safetensors")
    network = load_depth(f"depth/{name}", CPU, reader()).eval()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert_depth(network(picture(64, 128)), (64, 128))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_damaged_network_is_refused(name: str, folder: Path):
    (saved(name, folder) / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ColorizerError, match=f"depth_{name}"):
        load_depth(f"depth/{name}", CPU, reader())


@pytest.mark.parametrize("name", PUBLISHED)
def test_pickles_are_not_looked_at(name: str, folder: Path):
    place = saved(name, folder)
    torch.save(safetensors.torch.load_file(place / "model.safetensors"), place / "pytorch_model.bin")
    (place / "model.safetensors").unlink()
    with pytest.raises(ColorizerError, match=name):
        load_depth(f"depth/{name}", CPU, reader())
