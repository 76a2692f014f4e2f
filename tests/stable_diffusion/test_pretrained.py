"""Folders of models as strangers may have made them: what is read, what is refused, and in which words."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import tiny_models as tiny
import torch
from conftest import reader, store
from diffusers import AutoencoderKL
from torch import Tensor

from colorizers.engine import make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.stable_diffusion import components as parts
from colorizers.methods.stable_diffusion.depth import load_depth
from colorizers.methods.stable_diffusion.pretrained import network_from
from colorizers.methods.stable_diffusion.prompt import TextEncoder
from colorizers.picture.photo import Photo
from colorizers.weights.store import WeightStore

pytestmark = pytest.mark.sd
CPU = torch.device("cpu")
SD = "stable_diffusion/sd15"
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for another machine fails the test."""

    def asked(*address: object, **more: object) -> None:
        pytest.fail(f"the network was asked for {address}")

    monkeypatch.setattr(socket, "getaddrinfo", asked)


def put(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def configured(path: Path, **more: Any) -> None:
    put(path, json.dumps(json.loads(path.read_text()) | more))


def renamed(path: Path, name_of: Callable[[str], str], **more: Tensor) -> None:
    state = {name_of(name): tensor for name, tensor in safetensors.torch.load_file(path).items()} | more
    path.unlink()
    safetensors.torch.save_file(state, path, {"format": "pt"})


def refusal(load: Callable[[], object], folder: Path) -> str:
    """The sentence with which something is refused: one, and without a path of this machine."""
    with pytest.raises(ColorizerError) as caught:
        load()
    said = str(caught.value)
    assert said.endswith(".")
    assert ". " not in said
    assert str(folder) not in said
    return said


def old_name(name: str) -> str:
    for new, old in OLD_NAMES.items():
        name = name.replace(f".{new}.", f".{old}.")
    return name


def test_a_vae_under_the_names_that_it_was_published_with_is_the_same(folder: Path):
    place = folder / "stable_diffusion_sd15" / "vae"
    new = network_from(AutoencoderKL, place, torch.float32)
    renamed(place / "diffusion_pytorch_model.safetensors", old_name)
    assert any(".query." in name for name in safetensors.torch.load_file(place / "diffusion_pytorch_model.safetensors"))
    old = network_from(AutoencoderKL, place, torch.float32)
    assert all(torch.equal(tensor, new.state_dict()[name]) for name, tensor in old.state_dict().items())


def test_a_text_encoder_under_the_names_that_it_was_published_with_is_the_same(folder: Path):
    path = folder / "stable_diffusion_sd15" / "text_encoder" / "model.safetensors"
    new = said_by(parts.load_part(f"{SD}/text_encoder", CPU, reader()))
    renamed(path, lambda name: f"text_model.{name}", **{"text_model.embeddings.position_ids": torch.arange(77)[None]})
    assert torch.equal(said_by(parts.load_part(f"{SD}/text_encoder", CPU, reader())), new)


def said_by(encoder: Any) -> Tensor:
    assert isinstance(encoder, TextEncoder)
    return encoder.eval()("a village by the sea").states


def test_half_precision_is_preferred_and_runs_in_single_on_a_cpu(folder: Path):
    place = folder / "stable_diffusion_sd15" / "unet"
    state = safetensors.torch.load_file(place / "diffusion_pytorch_model.safetensors")
    half = {name: tensor.half() for name, tensor in state.items()}
    safetensors.torch.save_file(half, place / "diffusion_pytorch_model.fp16.safetensors", {"format": "pt"})
    network = parts.load_part(f"{SD}/unet", CPU, reader())
    assert all(torch.equal(tensor, half[name].float()) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("damaged", [False, True])
def test_while_a_network_loads_and_after_it_failed_others_compute_as_before(
    folder: Path, damaged: bool, monkeypatch: pytest.MonkeyPatch
):
    place = folder / "stable_diffusion_sd15" / "vae"
    seen, made = [], torch.nn.Conv2d.__init__

    def watched(self: Any, *given: Any, **more: Any) -> None:
        seen.append(torch.get_default_dtype())
        made(self, *given, **more)

    monkeypatch.setattr(torch.nn.Conv2d, "__init__", watched)
    if damaged:
        configured(place / "config.json", norm_num_groups="many")
        refusal(lambda: network_from(AutoencoderKL, place, torch.bfloat16), folder)
    else:
        assert network_from(AutoencoderKL, place, torch.bfloat16).dtype == torch.bfloat16
    assert seen
    assert {*seen, torch.get_default_dtype()} == {torch.float32}


@pytest.mark.parametrize(
    ("place", "more", "key"),
    [
        ("stable_diffusion_sd15/unet", {"auto_map": {"AutoModel": "code.Model"}}, f"{SD}/unet"),
        ("stable_diffusion_sd15/text_encoder", {"_attn_implementation": "someone/kernel"}, f"{SD}/text_encoder"),
        ("stable_diffusion_sd15/vae", {"quantization_config": {"quant_method": "gguf"}}, f"{SD}/vae"),
        ("depth_dpt", {"backbone": "someone/else", "use_pretrained_backbone": True}, "depth/dpt"),
        ("depth_dpt", {"backbone_config": {"use_timm_backbone": True}}, "depth/dpt"),
    ],
)
def test_a_config_that_asks_for_code_or_other_weights_is_refused_and_nobody_is_asked(
    place: str, more: dict[str, Any], key: str, folder: Path, offline: None
):
    configured(folder / place / "config.json", **more)
    loader = load_depth if key.startswith("depth") else parts.load_part
    assert "asks for code or for other weights" in refusal(lambda: loader(key, CPU, reader()), folder)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
@pytest.mark.parametrize("name", ["unet/config.json", "scheduler/scheduler_config.json"])
def test_a_config_that_is_none_is_refused(name: str, text: str, folder: Path, gray_photo: Photo):
    path = folder / "stable_diffusion_sd15" / name
    path.unlink()
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert f"{path.name} in {path.parent.name} cannot be read" in refusal(lambda: small_run(gray_photo), folder)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("unet/config.json", {"norm_num_groups": 0}),
        ("text_encoder/config.json", {"hidden_size": "wide"}),
        ("vae/config.json", {"block_out_channels": []}),
        ("scheduler/scheduler_config.json", {"beta_schedule": "by feeling"}),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": "many"}),
        ("scheduler/scheduler_config.json", {"timestep_spacing": "wide"}),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(name: str, more: dict[str, Any], folder: Path, gray_photo: Photo):
    configured(folder / "stable_diffusion_sd15" / name, **more)
    assert "again" in refusal(lambda: small_run(gray_photo), folder)


def small_run(photo: Photo, **options: Any) -> Any:
    wanted = {
        "weights": "sd15",
        "steps": 2,
        "working_size": 256,
        "seed": 1,
        "start_from": "gray",
        "strength": 1,
    } | options
    return make_engine().results(JobRequest(photo, "img2img", wanted))


def test_a_vocabulary_that_the_text_encoder_does_not_know_is_refused(folder: Path):
    path = folder / "stable_diffusion_sd15" / "tokenizer" / "tokenizer.json"
    known = json.loads(path.read_text())
    known["added_tokens"].append(known["added_tokens"][0] | {"id": 514, "content": "<my-cat>", "special": False})
    put(path, json.dumps(known))
    assert "do not belong together" in refusal(lambda: parts.load_part(f"{SD}/text_encoder", CPU, reader()), folder)


def test_a_broken_vocabulary_is_refused(folder: Path):
    for path in (folder / "stable_diffusion_sd15" / "tokenizer").glob("*.json"):
        put(path, "{")
    assert "cannot be read" in refusal(lambda: parts.load_part(f"{SD}/text_encoder", CPU, reader()), folder)


def test_a_vae_of_another_family_is_refused(folder: Path, gray_photo: Photo):
    torch.manual_seed(0)
    wide = AutoencoderKL(
        block_out_channels=[32] * 4, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4, latent_channels=16, norm_num_groups=8,
    )  # fmt: skip
    place = folder / "stable_diffusion_sd15" / "vae"
    shutil.rmtree(place)
    wide.save_pretrained(place)
    assert "VAE and U-Net do not belong together" in refusal(lambda: small_run(gray_photo), folder)


def test_weights_in_several_files_are_refused(folder: Path):
    (folder / "stable_diffusion_sd15" / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text("{}")
    assert "in several files" in refusal(lambda: parts.load_part(f"{SD}/unet", CPU, reader()), folder)


def test_what_lies_in_a_folder_besides_is_left_alone(folder: Path):
    place = folder / "stable_diffusion_sd15" / "unet"
    (place / "folder.json").mkdir()
    (place / "nowhere.json").symlink_to("nothing")
    (place / "model.py").write_text("raise SystemExit")
    (place / "pytorch_model.bin").write_bytes(b"no pickle")
    assert parts.load_part(f"{SD}/unet", CPU, reader()) is not None


def test_a_caption_is_added_to_the_prompt_and_told(folder: Path, gray_photo: Photo, offline: None):
    plain = small_run(gray_photo)[0]
    tiny.save_captioner(folder / "caption_blip")
    said = small_run(gray_photo, caption="blip")[0]
    assert any(str(note).startswith("BLIP's description of the photo: ") for note in said.notes)
    assert "caption/blip" in said.record.weights
    assert not torch.equal(said.coloring.outcome.rgb, plain.coloring.outcome.rgb)


def test_without_a_captioner_one_sentence_says_how_to_get_it(folder: Path, gray_photo: Photo):
    said = refusal(lambda: small_run(gray_photo, caption="blip"), folder)
    assert said.endswith("weights download blip.")


@pytest.fixture
def one_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> WeightStore:
    """What stands for a model in a single file, which has no vocabulary."""
    path = folder.parent / "fine_tune.safetensors"
    safetensors.torch.save_file({"any": torch.zeros(1)}, path)
    return store().with_model(str(path))


def test_a_single_file_takes_the_vocabulary_of_a_model_that_is_here(one_file: WeightStore, folder: Path):
    assert parts.vocabulary(one_file, "stable_diffusion/own") == f"{SD}/tokenizer"
    shutil.rmtree(folder / "stable_diffusion_sd15")
    assert parts.vocabulary(one_file, "stable_diffusion/own") == "stable_diffusion/sd14/tokenizer"


def test_without_any_vocabulary_its_download_is_named_before_anything_runs(
    one_file: WeightStore, folder: Path, gray_photo: Photo
):
    for name in ("sd15", "sd14"):
        shutil.rmtree(folder / f"stable_diffusion_{name}")
    said = refusal(
        lambda: make_engine(store=one_file).results(JobRequest(gray_photo, "img2img", {"weights": "own"})), folder
    )
    assert said == "The weights tokenizer (2 MB) are not installed; get them with: " + (
        "colorizers weights download tokenizer."
    )
