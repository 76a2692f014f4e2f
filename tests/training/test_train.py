"""`train`: exact resumption, data, cards, refusals; weights say how they were made."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import paint, using_weights
from PIL import Image
from run_command import command
from safetensors.torch import load_file, save

from colorizers.commands.packaged import given_file
from colorizers.networks.efficientnet_unet import EfficientNetUNet
from colorizers.networks.unet import UNet
from colorizers.picture.dataset import read_collection
from colorizers.training import loop
from colorizers.training.initialize import load_matching
from colorizers.training.photos import decoded
from colorizers.weights.loading import read_header
from colorizers.weights.store import sha256

TINY = ("--steps", 4, "--batch", 2, "--size", 32, "--warm-up", 1, "--log-every", 1, "--save-every", 2,
        "--judge-every", 2)  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint(tmp_path_factory.mktemp("data") / "photos", 5)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs to judge by, other ones."""
    folder = tmp_path_factory.mktemp("held_out") / "others"
    folder.mkdir()
    pixels = np.random.default_rng(9).integers(0, 256, (2, 40, 60, 3), np.uint8)
    for k, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{k}.png")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded photographs go into a folder that the tests of this module share."""
    from colorizers.settings import get_settings

    monkeypatch.setenv("COLORIZERS_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    get_settings.cache_clear()


def trained(photos: Path, out: Path, *words: object, recipe: str = "unet:lab") -> dict[str, torch.Tensor]:
    """The tensors that a run leaves."""
    assert command("train", recipe, "--data", photos, "--out", out, *TINY, *words) == 0
    return load_file(out / loop.LAST)


def killed(photos: Path, out: Path, *words: object, recipe: str = "unet:lab") -> int:
    """The step of the checkpoint that a run leaves when it is killed after its fifth step."""
    call = [sys.executable, "-m", "colorizers", "train", recipe, "--data", photos, "--out", out]
    process = subprocess.Popen([str(w) for w in (*call, *TINY, *words)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:  # the line of step 5 comes after the checkpoint of step 4
        if line.startswith("step 5/"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    step: int = torch.load(out / loop.CHECKPOINT, weights_only=True)["step"]
    return step


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two files hold the same numbers."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
class TestRuns:
    def test_end_with_weights_that_load_strictly_and_colour(self, photos: Path, others: Path, tmp_path: Path):
        state = trained(photos, tmp_path, "--val", others)
        assert all(value.dtype == torch.float16 for value in state.values() if value.is_floating_point())
        network = UNet("ab")
        network.load_state_dict(state)
        with torch.inference_mode():
            ab = network.eval()(torch.full((1, 1, 64, 64), 50.0))
        assert ab.shape == (1, 2, 16, 16)
        assert torch.isfinite(ab).all()
        best = load_file(tmp_path / loop.BEST)
        assert {name: value.shape for name, value in best.items()} == {n: value.shape for n, value in state.items()}

    def test_are_the_same_twice(self, photos: Path, tmp_path: Path):
        (tmp_path / "two").mkdir()
        began_again = trained(photos, tmp_path / "two", "--resume")  # killed before its first checkpoint
        assert same(trained(photos, tmp_path / "one"), began_again)
        other = trained(photos, tmp_path / "three", "--seed", 1)
        assert not same(load_file(tmp_path / "one" / loop.LAST), other)

    @pytest.mark.parametrize("recipe", ["unet:lab", "gan:unet", "diffusion:ab", "adain:lab"])
    def test_killed_half_way_end_with_the_weights_of_an_unbroken_run(self, photos: Path, tmp_path: Path, recipe: str):
        words = ["--steps", 8, "--critic-after", 3, "--critic-width", 8]
        unbroken = trained(photos, tmp_path / "unbroken", *words, recipe=recipe)

        assert 4 <= killed(photos, tmp_path / "killed", *words, recipe=recipe) < 8

        resumed = trained(photos, tmp_path / "killed", *words, "--resume", recipe=recipe)
        assert same(resumed, unbroken)
        rows = csv.DictReader((tmp_path / "killed" / loop.LOG).open())
        steps = [int(row["step"]) for row in rows if row["name"] == "learning_rate"]
        assert steps == list(range(1, 9)), "the log has every step once"

    def test_cool_down_from_any_checkpoint(self, photos: Path, tmp_path: Path, capsys):
        words = ["--schedule", "trapezoid", "--cool-down", 2, "--cool-size", 64]
        known = trained(photos, tmp_path / "known", *words, "--steps", 6)
        assert killed(photos, tmp_path / "long", *words, "--steps", 500) == 4

        cool = [*words, "--steps", 500, "--cool-from", tmp_path / "long"]
        cooled = trained(photos, tmp_path / "cooled", *cool)
        assert same(cooled, known), "as if its end had been known from the beginning"
        assert "step 4/6 read from" in capsys.readouterr().out
        header = read_header(tmp_path / "cooled" / loop.LAST)
        assert " --cool-from long " in header["command"]
        recipe = json.loads(header["recipe"])
        assert (recipe["steps"], recipe["cool_down"]) == (6, 2)

        trained(photos, tmp_path / "cooled", *cool, "--resume")  # it has ended, and knows it
        assert "step 6/6 read from" in capsys.readouterr().out
        resumed = torch.load(tmp_path / "long" / loop.CHECKPOINT, weights_only=True)
        assert resumed["step"] == 4, "the long run can go on"

    def test_that_cool_down_cannot_be_made_longer(self, photos: Path, tmp_path: Path, capsys):
        words = ["--schedule", "trapezoid", "--cool-down", 2]
        trained(photos, tmp_path / "out", *words)
        capsys.readouterr()
        again = ["train", "unet:lab", "--data", photos, "--out", tmp_path / "out", *TINY, *words, "--resume"]
        assert command(*again, "--steps", 8) == 2
        assert "has another steps;" in capsys.readouterr().err
        assert command(*again, "--cool-from", tmp_path / "none", "--out", tmp_path / "new") == 2
        assert "There is no run in " in capsys.readouterr().err
        assert command(*again, "--schedule", "cosine", "--cool-from", tmp_path / "out", "--out", tmp_path / "new") == 2
        assert capsys.readouterr().err.startswith("Only a run with --schedule trapezoid can cool down;")

    def test_on_two_processes_take_the_steps_of_one_in_two_parts(self, photos: Path, tmp_path: Path):
        recipe = "adain:lab"  # which draws lots at every step
        words = ["--batch", 4, "--steps", 3]
        alone = trained(photos, tmp_path / "alone", *words, "--accumulation", 2, recipe=recipe)
        call = [sys.executable, "-m", "colorizers", "train", recipe, "--data", photos, "--out", tmp_path / "shared"]
        subprocess.run([str(w) for w in (*call, *TINY, *words, "--processes", 2)], check=True, capture_output=True)
        shared = load_file(tmp_path / "shared" / loop.LAST)
        learnt = [name for name in alone if "running" not in name and "batches" not in name]
        assert all(torch.allclose(alone[name].float(), shared[name].float(), atol=2e-3) for name in learnt)
        untouched = trained(photos, tmp_path / "untouched", *words, "--learning-rate", 0, recipe=recipe)
        assert not torch.allclose(shared["head.conv.weight"].float(), untouched["head.conv.weight"].float(), atol=2e-3)
        assert "2 processes" in read_header(tmp_path / "shared" / loop.LAST)["device"]

    def test_log_every_number_and_show_samples(self, photos: Path, others: Path, tmp_path: Path, capsys):
        trained(photos, tmp_path, "--val", others)
        rows = list(csv.DictReader((tmp_path / loop.LOG).open()))
        names = {row["name"] for row in rows}
        assert {"l1", "learning_rate", "photos_per_second", "validation_de00", "validation_score"} <= names
        assert [row["step"] for row in rows if row["name"] == "validation_de00"] == ["2", "4"]
        with Image.open(tmp_path / loop.SAMPLES / "000004.jpg") as sheet:
            assert sheet.size == (2 * 160, 3 * 160), "two photos: gray, coloured, as they are"
        said = capsys.readouterr().out
        assert "step 4/4  l1 " in said
        assert "photos/s" in said
        assert " left" in said

    def test_keep_the_best_weights_by_score(self, photos: Path, others: Path, tmp_path: Path):
        trained(photos, tmp_path, "--val", others, "--steps", 8)
        rows = list(csv.DictReader((tmp_path / loop.LOG).open()))
        score = {int(row["step"]): float(row["value"]) for row in rows if row["name"] == "validation_score"}
        kept = read_header(tmp_path / loop.BEST)["steps_done"]
        assert int(kept) == min(score, key=score.__getitem__)
        for step in score:
            of = {row["name"]: float(row["value"]) for row in rows if int(row["step"]) == step} if step else {}
            wanted = of["validation_de00"] + 0.1 * abs(of["validation_cf"] - of["validation_truth_cf"])
            assert score[step] == pytest.approx(wanted, rel=1e-4)

    def test_start_from_weights(self, photos: Path, tmp_path: Path, backbone: Path, capsys):
        trained(photos, tmp_path / "trunk", recipe="unet:bins")
        trained(photos, tmp_path / "lab", "--start", tmp_path / "trunk" / loop.LAST)
        assert "randomly initialised: head.conv\n" in capsys.readouterr().out
        header = read_header(tmp_path / "lab" / loop.LAST)
        assert header["start_sha256"] == sha256(tmp_path / "trunk" / loop.LAST)
        assert header["start_command"].startswith("python -m colorizers train unet:bins")

    def test_start_from_a_published_backbone(self, backbone: Path):
        network = EfficientNetUNet()
        summary = str(load_matching(network, backbone))
        published = torch.load(backbone, weights_only=True)
        own = network.encoder.state_dict()
        stem = "_conv_stem.weight"
        assert torch.equal(own[stem], published[stem].sum(1, keepdim=True))
        assert all(torch.equal(own[name], published[name]) for name in own if name != stem)
        assert "encoder" not in summary.partition("randomly initialised")[2]

    def test_start_from_the_weights_of_an_installed_package(self, photos: Path, tmp_path: Path, capsys):
        words = ("--start", "efficientnet-lite2", "--learning-rate", 0, "--steps", 2)
        state = trained(photos, tmp_path, *words, recipe="unet:efficientnet")
        published = torch.load(given_file("efficientnet-lite2"), weights_only=True)
        name = "_blocks.20._project_conv.weight"
        assert torch.equal(state[f"encoder.{name}"], published[name].half())
        header = read_header(tmp_path / loop.LAST)
        assert "--start efficientnet-lite2-9656183e.pth" in header["command"]

    def test_dry_run_tells_what_it_would_take(self, photos: Path, tmp_path: Path, capsys):
        words = ("--data", photos, "--out", tmp_path / "out", *TINY, "--dry-run")
        assert command("train", "cnn:bins", *words) == 0
        said = capsys.readouterr().out
        for part in (" M parameters", " MiB as fp16", " GFLOP per photo of 32 px", "4 steps of 2", "photos/s on CPU"):
            assert part in said
        assert not (tmp_path / "out").exists()

    def test_weights_say_how_they_were_made(self, photos: Path, tmp_path: Path):
        trained(photos, tmp_path)
        header = read_header(tmp_path / loop.LAST)
        recipe = json.loads(header["recipe"])
        assert (recipe["key"], recipe["steps"], recipe["size"]) == ("unet/lab", 4, 32)
        assert header["photos"] == "5"
        assert header["photos_sha256"] == read_collection([photos]).sha256
        assert header["torch"] == torch.__version__
        assert header["command"].startswith("python -m colorizers train unet:lab --data photos --preset cpu --steps 4 ")
        assert "/" not in header["command"].replace("colorizers/", "")
        assert int(header["seconds"]) > 0
        assert header["device"].startswith("CPU, 1 process of ")
        assert header["steps_done"] == "4"


class TestData:
    def test_validation_shards_are_never_trained_on(self, photos: Path, others: Path, tmp_path: Path, capsys):
        for name, folder in (("train-00.tar", photos), ("val-00.tar", others)):
            with tarfile.open(tmp_path / name, "w") as shard:
                for file in sorted(folder.iterdir()):
                    shard.add(file, file.name)
        trained(tmp_path, tmp_path / "out")
        assert "5 photos to train on" in capsys.readouterr().out
        header = read_header(tmp_path / "out" / loop.LAST)
        assert header["photos_sha256"] == read_collection([tmp_path / "train-00.tar"]).sha256
        rows = list(csv.DictReader((tmp_path / "out" / loop.LOG).open()))
        assert any(row["name"] == "validation_de00" for row in rows), "but they are measured with"

        words = ("train", "unet:lab", "--data", tmp_path / "val-00.tar", "--out", tmp_path / "none", *TINY)
        assert command(*words) == 2
        assert "are never trained on" in capsys.readouterr().err

    def test_photos_that_are_in_both_are_refused(self, photos: Path, tmp_path: Path, capsys):
        words = ("--data", photos, "--val", photos, "--out", tmp_path / "out", *TINY)
        assert command("train", "unet:lab", *words) == 2
        assert capsys.readouterr().err.startswith("5 photos are both in --data and in --val")

    def test_bad_pictures_are_counted_and_named(self, photos: Path, tmp_path: Path, capsys):
        paint(tmp_path / "more", 3)
        (tmp_path / "more" / "torn.png").write_bytes((photos / "0.png").read_bytes()[:200])
        Image.new("L", (64, 64), 90).save(tmp_path / "more" / "gray.png")
        trained(tmp_path / "more", tmp_path / "out")
        said = capsys.readouterr()
        assert "3 photos to train on, 2 left out" in said.out
        gray, torn = said.err.splitlines()[:2]
        assert gray == "left out: more/gray.png has no colour."
        assert torn.startswith("left out: torn.png ")


@pytest.fixture
def own_weights(tmp_path: Path) -> Iterator[Path]:
    """Where unet/lab is looked for first."""
    with using_weights(tmp_path / "own"):
        (tmp_path / "own").mkdir()
        yield tmp_path / "own" / "unet_lab.safetensors"


class TestCards:
    KEY = "unet/lab"

    def test_tell_what_the_weights_tell(self, photos: Path, tmp_path: Path, own_weights: Path, capsys):
        trained(photos, tmp_path)
        path, card = own_weights, own_weights.with_suffix(".md")
        shutil.copy(tmp_path / loop.LAST, path)
        assert command("weights", "card", self.KEY) == 2
        assert capsys.readouterr().err.startswith(f"The card {card} cannot be read")

        card.write_text("# Card\n<!-- training -->\n<!-- end training -->\nThe rest.\n")
        assert command("weights", "card", self.KEY) == 0
        said = card.read_text()
        assert said.startswith("# Card\n<!-- training -->\n| | |\n|---|---|\n")
        assert said.endswith("|\n<!-- end training -->\nThe rest.\n")
        assert f"| sha256 | {sha256(path)} |" in said
        assert "| recipe | key unet/lab, steps 4, batch 2, " in said
        assert "| steps done | 4 |" in said

    @pytest.mark.parametrize("words", [["card"], ["card", "magic"], ["list", "unet/lab"]])
    def test_are_refused_of_what_is_not_there(self, words: list[str], capsys):
        assert command("weights", *words) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_need_weights_with_a_story(self, own_weights: Path, capsys):
        nothing, text = save({"x": torch.zeros(1)}), save({"x": torch.zeros(1)}, {"recipe": "a secret"})
        for content, sentence in (
            (b"no weights", "is damaged"),
            (nothing, "does not hold how it was trained"),
            (text, "recipe in"),
        ):
            own_weights.write_bytes(content)
            assert command("weights", "card", self.KEY) == 2
            assert sentence in capsys.readouterr().err


class TestRefusals:
    def refused(self, capsys: pytest.CaptureFixture[str], *words: object, recipe: str = "unet:lab") -> str:
        """The one sentence on stderr, exit code 2."""
        assert command("train", recipe, *words) == 2
        said = capsys.readouterr().err
        assert said.endswith(".\n")
        assert said.count("\n") == 1
        return said

    def test_fewer_photos_than_a_batch(self, photos: Path, tmp_path: Path, capsys):
        said = self.refused(capsys, "--data", photos, "--out", tmp_path / "out")
        assert said.startswith("There are 5 colour photographs for batches of 32;")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("steps", ["0", "-3", "many"])
    def test_a_run_of_no_steps(self, photos: Path, tmp_path: Path, capsys, steps: str):
        said = self.refused(capsys, "--data", photos, "--out", tmp_path, "--steps", steps)
        assert said == "Steps must be a whole number from 1 to 1e+07.\n"

    @pytest.mark.parametrize("device", ["banana", "mps", "cuda:", "cuda:1000"])
    def test_a_device_without_training(self, photos: Path, tmp_path: Path, capsys, device: str):
        said = self.refused(capsys, "--data", photos, "--out", tmp_path, *TINY, "--device", device)
        assert said == "--device must be cpu, cuda or one GPU such as cuda:1.\n"

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
    def test_a_gpu_that_is_not_there(self, photos: Path, tmp_path: Path, capsys):
        said = self.refused(capsys, "--data", photos, "--out", tmp_path, *TINY, "--device", "cuda:1")
        assert said.startswith("There is no device cuda:1 here;")

    def test_a_folder_that_cannot_be(self, photos: Path, capsys):
        said = self.refused(capsys, "--data", photos, "--out", photos / "0.png" / "out", *TINY)
        assert "cannot be created" in said

    def test_a_folder_that_holds_a_run(self, photos: Path, tmp_path: Path, capsys):
        trained(photos, tmp_path)
        capsys.readouterr()
        said = self.refused(capsys, "--data", photos, "--out", tmp_path, *TINY)
        assert "holds a run already; continue it with --resume" in said

    def test_a_run_that_is_not_there(self, photos: Path, tmp_path: Path, capsys):
        said = self.refused(capsys, "--data", photos, "--out", tmp_path / "none", *TINY, "--resume")
        assert said.startswith("There is no run in ")

    def test_data_that_is_not_there(self, tmp_path: Path, capsys):
        said = self.refused(capsys, "--data", tmp_path / "gone", "--out", tmp_path)
        assert "neither a folder of pictures nor a tar shard" in said

    def test_a_checkpoint_of_something_else(self, photos: Path, tmp_path: Path, capsys):
        trained(photos, tmp_path)
        capsys.readouterr()
        words = ("--data", photos, "--out", tmp_path, *TINY, "--resume")
        assert "has another recipe;" in self.refused(capsys, *words, recipe="unet:rgb")
        said = self.refused(capsys, *words, "--seed", 7, "--learning-rate", 0.01)
        assert "has another learning-rate, seed;" in said
        (tmp_path / loop.CHECKPOINT).write_bytes(b"no checkpoint")
        assert "is damaged" in self.refused(capsys, *words)

    def test_a_teacher_that_is_missing_or_none(self, photos: Path, tmp_path: Path, capsys):
        words = ("--data", photos, "--out", tmp_path, *TINY)
        said = self.refused(capsys, *words, recipe="resnet_unet:features")
        assert said.endswith("give their file with --teacher.\n")
        torch.save({"x": torch.zeros(1)}, tmp_path / "odd.pth")
        said = self.refused(capsys, *words, "--teacher", tmp_path / "odd.pth", recipe="resnet_unet:features")
        assert (
            said
            == "odd.pth does not hold one of these networks: EfficientNet-Lite2; give another file with --teacher.\n"
        )

    def test_files_that_are_not_there_or_not_needed(self, photos: Path, tmp_path: Path, backbone: Path, capsys):
        words = ("--data", photos, "--out", tmp_path, *TINY)
        for flag in ("--start", "--teacher", "--perceptual"):
            assert "There is no file" in self.refused(capsys, *words, flag, tmp_path / "gone.pth")
        assert "uses no teacher network; leave out --teacher" in self.refused(capsys, *words, "--teacher", backbone)

    @pytest.mark.parametrize(
        "more", [("--batch", 1), ("--batch", 4, "--accumulation", 4), ("--batch", 5, "--accumulation", 2)]
    )
    def test_a_batch_that_cannot_be_cut(self, photos: Path, tmp_path: Path, capsys, more: tuple[object, ...]):
        said = self.refused(capsys, "--data", photos, "--out", tmp_path, *TINY, *more)
        assert "parts of 2 photos or more" in said

    @pytest.mark.slow
    def test_what_one_of_several_processes_refuses(self, photos: Path, tmp_path: Path, capsys):
        torch.save({"x": torch.zeros(1)}, tmp_path / "odd.pth")
        words = ("--data", photos, "--out", tmp_path / "out", *TINY, "--batch", 4, "--processes", 2)
        assert "No tensor of odd.pth" in self.refused(capsys, *words, "--start", tmp_path / "odd.pth")

    def test_a_start_that_fits_nowhere(self, photos: Path, tmp_path: Path, capsys):
        torch.save({"x": torch.zeros(1)}, tmp_path / "odd.pth")
        said = self.refused(capsys, "--data", photos, "--out", tmp_path, *TINY, "--start", tmp_path / "odd.pth")
        assert said.startswith("No tensor of odd.pth fits this network")


def test_a_photograph_from_the_cache_is_the_photograph(photos: Path, tmp_path: Path):
    first, again = decoded([photos], tmp_path), decoded([photos], tmp_path)
    wanted = read_collection([photos])
    for stored in (first, again):
        assert all(torch.equal(stored.photo(k), photo) for k, photo in enumerate(wanted.photos))
        assert (stored.names, stored.sha256) == (wanted.names, wanted.sha256)
    assert len(list(tmp_path.glob("*.pixels"))) == 1
