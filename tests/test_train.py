"""`train`: a run learns, stops, goes on, and its weights say how they were made."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save

from colorizers import weights
from colorizers.__main__ import main
from colorizers.errors import ColorizerError
from colorizers.networks.unet import UNet
from colorizers.picture.collection import read_collection
from colorizers.training.photos import batches
from colorizers.training.unet import Recipe, Run, train, train_step

TINY = Recipe(steps=2, batch=2, size=64, warm_up=1, ema=0.9)


def command(*words: object) -> int:
    """The exit code of a command in this process."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


def paint(folder: Path, count: int) -> Path:
    """Pictures (72, 96) of a bright warm field under a dark blue one, each a little different."""
    folder.mkdir()
    for k in range(count):
        picture = np.empty((72, 96, 3))
        picture[:36], picture[36:] = (40, 60, 150), (230, 170, 60 + 10 * k)
        grain = np.random.default_rng(k).normal(0, 4, picture.shape)
        Image.fromarray((picture + grain).clip(0, 255).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint(tmp_path_factory.mktemp("data") / "photos", 3)


def trained(photos: Path, out: Path, recipe: Recipe) -> Path:
    """The weights that a run leaves."""
    train([photos], photos, out, recipe, "python -m colorizers train unet")
    return out / "unet.safetensors"


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights after two steps, of the same recipe once more, and of a run that went on from 2 to 4 steps."""
    folder = tmp_path_factory.mktemp("runs")
    first = trained(photos, folder / "first", TINY)
    (folder / "two.safetensors").write_bytes(first.read_bytes())
    again = trained(photos, folder / "again", TINY)
    resumed = trained(photos, folder / "first", Recipe(**{**vars(TINY), "steps": 4}))
    return {"two": folder / "two.safetensors", "again": again, "resumed": resumed}


def test_the_weights_load_strictly_and_colour(runs: dict[str, Path]):
    for path in runs.values():
        state = load_file(path)
        assert all(value.dtype == torch.float16 for value in state.values() if value.is_floating_point())
        network = UNet()
        network.load_state_dict(state)
        with torch.inference_mode():
            logits = network.eval()(torch.full((1, 1, 64, 64), 50.0))
        assert torch.isfinite(logits).all()


def test_one_recipe_gives_the_same_weights_twice(runs: dict[str, Path]):
    two, again, resumed = (load_file(runs[name]) for name in ("two", "again", "resumed"))
    assert all(torch.equal(two[name], again[name]) for name in two)
    assert not torch.equal(two["head.weight"], resumed["head.weight"])


def test_a_run_goes_on_from_its_checkpoint(runs: dict[str, Path], photos: Path, tmp_path: Path, capsys):
    state = torch.load(runs["resumed"].parent / "last.pt", weights_only=True)
    assert sorted(state) == ["average", "network", "optimizer", "random", "seconds", "step"]
    assert state["step"] == 4
    (tmp_path / "last.pt").write_bytes((runs["again"].parent / "last.pt").read_bytes())
    trained(photos, tmp_path, TINY)
    assert capsys.readouterr().out.startswith(f"step 2/2 read from {tmp_path / 'last.pt'}\n")


def test_the_weights_say_how_they_were_made(runs: dict[str, Path], photos: Path):
    header = weights.read_header(runs["resumed"])
    assert json.loads(header["recipe"]) == {**vars(TINY), "steps": 4}
    assert header["steps_done"] == "4"
    assert header["photos"] == "3"
    assert header["photos_sha256"] == read_collection([photos]).sha256
    assert header["torch"] == torch.__version__
    assert header["command"] == "python -m colorizers train unet"
    assert int(header["seconds"]) > 0
    assert header["device"].startswith("CPU")


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """What use_checkpoint does ends with the test."""
    monkeypatch.setattr(weights, "_checkpoints", {})


def test_a_card_tells_what_its_weights_tell(runs: dict[str, Path], tmp_path: Path, checkpoints: None, capsys):
    path, card = tmp_path / "unet.safetensors", tmp_path / "unet.md"
    path.write_bytes(runs["resumed"].read_bytes())
    weights.use_checkpoint("unet/lab", path)
    assert command("weights", "card", "unet/lab") == 2
    assert capsys.readouterr().err.startswith(f"The card {card} cannot be read")

    card.write_text("# Card\n<!-- training -->\n<!-- end training -->\nThe rest.\n")
    assert command("weights", "card", "unet/lab") == 0
    said = card.read_text()
    assert said.startswith("# Card\n<!-- training -->\n| | |\n|---|---|\n")
    assert said.endswith("|\n<!-- end training -->\nThe rest.\n")
    assert f"| sha256 | {weights.sha256(path)} |" in said
    assert "| recipe | steps 4, batch 2, size 64, " in said
    assert "| steps done | 4 |" in said
    assert "| command | python -m colorizers train unet |" in said


@pytest.mark.parametrize("words", [["card"], ["card", "magic"], ["list", "unet/lab"]])
def test_weights_refuses_what_it_cannot_do(words: list[str], capsys):
    assert command("weights", *words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_weights_without_a_story_give_no_card(tmp_path: Path, checkpoints: None, capsys):
    path = tmp_path / "unet.safetensors"
    nothing, text = save({"x": torch.zeros(1)}), save({"x": torch.zeros(1)}, {"recipe": "a secret"})
    for content, sentence in ((b"no weights", "is damaged"), (nothing, "does not say"), (text, "recipe in")):
        path.write_bytes(content)
        weights.use_checkpoint("unet/lab", path)
        assert command("weights", "card", "unet/lab") == 2
        assert sentence in capsys.readouterr().err


def test_the_network_learns_two_pictures_by_heart(tmp_path: Path):
    pictures = read_collection([paint(tmp_path / "pair", 2)]).photos
    recipe = Recipe(steps=30, batch=2, size=64, warm_up=1, learning_rate=3e-3)
    run = Run(recipe, pictures)
    crops = next(batches(pictures, recipe.batch, recipe.size, run.random))
    balance = run.network.bins.class_weights()
    losses = [train_step(run, crops, balance, recipe) for _ in range(recipe.steps)]
    assert losses[-1] < losses[0] / 2


class TestRefusals:
    def refused(self, capsys: pytest.CaptureFixture[str], *words: object) -> str:
        """The one sentence on stderr, exit code 2."""
        assert command("train", "unet", *words) == 2
        said = capsys.readouterr().err
        assert said.endswith(".\n")
        assert said.count("\n") == 1
        return said

    def test_fewer_photos_than_a_batch(self, photos: Path, tmp_path: Path, capsys):
        said = self.refused(capsys, "--data", photos, "--val", photos, "--out", tmp_path / "out")
        assert said == "There are 3 colour photographs for batches of 32; give more with --data.\n"
        assert list((tmp_path / "out").iterdir()) == []

    @pytest.mark.parametrize("steps", ["0", "-3", "many"])
    def test_a_run_of_no_steps(self, photos: Path, tmp_path: Path, capsys, steps: str):
        words = ("--data", photos, "--val", photos, "--out", tmp_path, "--steps", steps)
        assert self.refused(capsys, *words) == "--steps must be a whole number above zero.\n"

    def test_a_folder_that_cannot_be(self, photos: Path, capsys):
        said = self.refused(capsys, "--data", photos, "--val", photos, "--out", photos / "0.png" / "out")
        assert "cannot be made" in said

    def test_data_that_is_not_there(self, photos: Path, tmp_path: Path, capsys):
        said = self.refused(capsys, "--data", tmp_path / "gone", "--val", photos, "--out", tmp_path)
        assert "neither a folder of pictures nor a tar shard" in said

    def test_a_checkpoint_of_something_else(self, photos: Path, tmp_path: Path):
        torch.save({"network": {}}, tmp_path / "last.pt")
        with pytest.raises(ColorizerError, match="is no checkpoint of this network"):
            train([photos], photos, tmp_path, TINY, "")
