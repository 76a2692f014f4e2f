"""The command line: photographs in, coloured pictures out, and one sentence for whatever is refused."""

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import skimage.color
import skimage.data
import tifffile
from conftest import encoded, store
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from trivial_method import TrivialMethod

from colorizers import colorize
from colorizers.__main__ import COMMANDS, main
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.options import controls
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import PNG_KEY, read_record
from colorizers.settings import PROJECT
from colorizers.weights.loading import read_state
from colorizers.weights.store import sha256


def command(*words: object) -> int:
    """The exit code of a command in this process."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


def start(*words: object) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    line = [sys.executable, "-m", "colorizers", *map(str, words)]
    return subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one sentence with which `colorize` refuses, exit code 2."""
    capsys.readouterr()
    assert command("colorize", *words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")
    return said.err


def with_record(photo: Path, **values: object) -> None:
    """first.png in the current folder, with a record of the U-Net's defaults but for these values."""
    usual = {"method": "unet", "options": {}, "finish": {}, "input_sha256": Photo.open(photo).sha256}
    text = PngInfo()
    text.add_text(PNG_KEY, json.dumps(usual | values))
    Image.new("RGB", (2, 2)).save("first.png", pnginfo=text)


@pytest.fixture(scope="session")
def gray() -> np.ndarray:
    """A real photograph in black and white, (120, 96) uint8."""
    picture = Image.fromarray(skimage.data.astronaut()).convert("L").crop((100, 0, 340, 300))
    return np.asarray(picture.resize((96, 120), Image.Resampling.LANCZOS))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo(here: Path, gray: np.ndarray) -> Path:
    """portrait.png in the current folder, named as a user would."""
    Image.fromarray(gray).save("portrait.png")
    return Path("portrait.png")


@pytest.fixture
def family(here: Path, gray: np.ndarray) -> Path:
    """A folder with four good photos, a bad one, and files that are no pictures."""
    folder = Path("family")
    (folder / "1932" / "summer").mkdir(parents=True)
    Image.fromarray(gray).save(folder / "oma.png")
    Image.fromarray(gray[::-1]).save(folder / "oma.jpg")
    Image.fromarray(gray).save(folder / "1932" / "Ann & Bob.tif")
    Image.fromarray(gray[:7, :5]).save(folder / "1932" / "summer" / "sea.BMP")
    (folder / "1932" / "cut.png").write_bytes(encoded(Image.fromarray(gray))[:500])
    (folder / "letter.txt").write_text("Dear Ann,")
    (folder / "._oma.png").write_bytes(b"left by a file manager")
    return folder


@pytest.fixture
def trivial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method with variants, a seed and a picture among its options."""
    monkeypatch.setitem(METHODS, "trivial", TrivialMethod())


class TestOnePhoto:
    def test_becomes_a_coloured_file_of_the_same_size(self, photo: Path, gray: np.ndarray, capsys):
        assert command("colorize", photo) == 0
        assert capsys.readouterr() == ("portrait_unet.png\n", "")
        result = pixels(Path("portrait_unet.png"))
        assert result.shape == (*gray.shape, 3)
        assert np.ptp(result, axis=2).mean() > 3

    @pytest.mark.parametrize("finish", [(), ("--saturation", 3, "--warmth", "-0.8"), ("--color-strength=0",)])
    def test_keeps_its_light(self, photo: Path, gray: np.ndarray, finish: tuple):
        assert command("colorize", photo, "-o", "out.png", *finish) == 0
        wanted = skimage.color.rgb2lab(np.stack([gray] * 3, axis=2))[..., 0]
        change = np.abs(skimage.color.rgb2lab(pixels(Path("out.png")))[..., 0] - wanted)
        assert change.max() <= 0.5
        assert change.mean() <= 0.15

    def test_in_16_bits_becomes_a_16_bit_tiff(self, here: Path, gray: np.ndarray):
        deep = gray.astype(np.uint16) * 257
        Image.fromarray(deep).save("deep.png")
        assert command("colorize", "deep.png", "--bits", 16) == 0
        result = tifffile.imread("deep_unet.tif")
        assert result.dtype == np.uint16
        assert result.shape == (*gray.shape, 3)
        wanted = skimage.color.rgb2lab(np.stack([deep] * 3, axis=2) / 65535)[..., 0]
        assert np.abs(skimage.color.rgb2lab(result / 65535)[..., 0] - wanted).mean() <= 0.01

    @pytest.mark.parametrize(("kind", "name"), [("jpeg", "portrait_unet.jpg"), ("webp", "portrait_unet.webp")])
    def test_is_saved_in_the_format_asked_for(self, photo: Path, kind: str, name: str):
        assert command("colorize", photo, "--format", kind) == 0
        with Image.open(name) as image:
            assert image.format == kind.upper()

    def test_goes_into_a_folder_that_is_made_for_it(self, photo: Path):
        assert command("colorize", photo, "-o", "new/deeper/") == 0
        assert command("colorize", photo, "-o", "other/name.tiff") == 0
        assert Path("new/deeper/portrait.png").is_file()
        assert Path("other/name.tiff").is_file()

    def test_loses_its_exif_unless_it_is_kept(self, here: Path, gray: np.ndarray):
        exif = Image.Exif()
        exif[0x010F] = "Leica"
        Image.fromarray(gray).save("camera.jpg", exif=exif)
        assert command("colorize", "camera.jpg", "-o", "bare.png") == 0
        assert command("colorize", "camera.jpg", "-o", "kept.png", "--keep-exif") == 0
        with Image.open("bare.png") as bare, Image.open("kept.png") as kept:
            assert 0x010F not in bare.getexif()
            assert kept.getexif()[0x010F] == "Leica"

    def test_may_have_a_name_that_looks_like_a_flag(self, here: Path, gray: np.ndarray):
        Image.fromarray(gray).save("-m.png")
        assert command("colorize", "-o", "out.png", "--", "-m.png") == 0
        assert Path("out.png").is_file()

    def test_may_have_a_name_in_no_known_alphabet(self, here: Path, gray: np.ndarray, capfdbinary):
        Path(os.fsdecode(b"Gr\xfc\xdfe.png")).write_bytes(encoded(Image.fromarray(gray)))
        assert command("colorize", os.fsdecode(b"Gr\xfc\xdfe.png")) == 0
        assert capfdbinary.readouterr() == (b"Gr\xfc\xdfe_unet.png\n", b"")

    def test_takes_flags_between_and_after_its_name(self, photo: Path):
        assert command("colorize", "--faded-print", photo, "--no-faded-print", "-o", "out.png", "--vividness", "1") == 0
        given = {"faded_print": False, "vividness": 1}
        assert read_record(Path("out.png")).options == dict(METHODS["unet"].info.options()) | given

    def test_has_a_file_for_each_variant(self, photo: Path, trivial: None, capsys):
        assert command("colorize", photo, "-m", "trivial", "--variants", 2, "--seed", 7) == 0
        assert capsys.readouterr().out == "portrait_trivial_1.png\nportrait_trivial_2.png\n"
        seeds = [read_record(Path(f"portrait_trivial_{k}.png")).options["seed"] for k in (1, 2)]
        assert seeds == [7, 8]

    @pytest.mark.parametrize(
        ("flags", "key"), [((), "unet/efficientnet"), (("--weights", "lab"), "unet/lab"), (("-m", "cnn"), "cnn/bins")]
    )
    def test_is_coloured_by_the_checkpoint_that_is_named(self, photo: Path, flags: tuple[str, ...], key: str):
        safetensors.torch.save_file(read_state(store().find(key)), "own.safetensors", {"trained": "by me"})
        assert command("colorize", photo, *flags, "--checkpoint", "own.safetensors", "-o", "out.png") == 0
        assert read_record(Path("out.png")).weights == {key: sha256(Path("own.safetensors"))}
        assert (
            command("colorize", photo, "--from", "out.png", "--checkpoint", "own.safetensors", "-o", "again.png") == 0
        )
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("out.png")))

    def test_has_the_finish_of_its_method_but_for_what_is_given(self, photo: Path):
        assert command("colorize", photo, "-m", "resnet_unet", "-o", "own.png") == 0
        assert command("colorize", photo, "-m", "resnet_unet", "--warmth", 0.4, "-o", "warm.png") == 0
        own = METHODS["resnet_unet"].info.finish.model_dump()
        assert read_record(Path("own.png")).finish == own
        assert read_record(Path("warm.png")).finish == own | {"warmth": 0.4}


class TestManyPhotos:
    def test_a_folder_becomes_a_folder_past_what_is_broken(self, family: Path, capsys):
        assert command("colorize", family) == 2
        said = capsys.readouterr()
        assert said.out == "family_color\n"
        summary, failure = said.err.splitlines()
        assert summary == "4 of 5 photos colored; failed: 1; not pictures: 1"
        assert failure.startswith(f"{family / '1932' / 'cut.png'}: cut.png is damaged")
        written = {path.relative_to("family_color").as_posix() for path in Path("family_color").rglob("*.*")}
        assert written == {"oma_jpg.png", "oma_png.png", "1932/Ann & Bob.png", "1932/summer/sea.png"}
        assert pixels(Path("family_color/1932/summer/sea.png")).shape == (7, 5, 3)

    def test_the_command_itself_exits_with_what_happened(self, family: Path, here: Path):
        with start("colorize", here / family, "-o", here / "out") as process:
            out, said = process.communicate()
        assert (process.returncode, out) == (2, f"{here / 'out'}\n")
        assert "Traceback" not in said
        assert said.count("\n") == 2

    def test_a_run_that_was_stopped_goes_on(self, family: Path, capsys):
        (family / "1932" / "cut.png").unlink()
        assert command("colorize", family, "-o", "out") == 0
        Path("out/oma_jpg.png").unlink()
        rest = Path("out/oma_png.png").stat()
        capsys.readouterr()
        assert command("colorize", family, "-o", "out") == 0
        said = capsys.readouterr().err
        assert said == "1 of 4 photos colored; skipped because results exist: 3; not pictures: 1\n"
        assert Path("out/oma_jpg.png").is_file()
        assert Path("out/oma_png.png").stat() == rest

    def test_photos_and_folders_go_into_one_folder(self, photo: Path, family: Path, capsys):
        assert command("colorize", photo, "gone.png", family / "1932", "--format", "jpeg") == 2
        assert "gone.png: gone.png cannot be opened" in capsys.readouterr().err
        written = {path.relative_to("color").as_posix() for path in Path("color").rglob("*.*")}
        assert written == {"portrait.jpg", "1932/Ann & Bob.jpg", "1932/summer/sea.jpg"}

    def test_results_inside_the_folder_are_not_taken_for_photos(self, photo: Path, capsys):
        assert command("colorize", ".", "-o", "out") == 0
        assert command("colorize", ".", "-o", "out", "--overwrite") == 0
        assert capsys.readouterr().err == "1 of 1 photos colored\n" * 2
        assert [path.name for path in Path("out").iterdir()] == ["portrait.png"]

    def test_an_interrupted_run_leaves_whole_pictures_and_says_nothing(self, here: Path):
        Path("many").mkdir()
        for k in range(60):
            Image.fromarray(skimage.data.astronaut()[:200, :150]).save(f"many/{k}.png")
        with start("colorize", here / "many", "-o", here / "out") as process:
            first = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            out, rest = process.communicate()
        assert (process.returncode, out) == (130, "")
        said = {line.partition(": ")[2] for line in (first + rest).splitlines()}
        assert said == {"The photo already has colour: only its luminance was used."}
        written = list(Path("out").iterdir())
        assert 0 < len(written) < 60
        assert all(pixels(path).shape == (200, 150, 3) for path in written)


class TestFilesOfTheUser:
    def test_an_input_is_never_written_over(self, photo: Path, capsys):
        before = photo.read_bytes()
        os.link(photo, "same.png")
        Path("link.png").symlink_to(photo)
        for name in ("portrait.png", "same.png", "link.png", "."):
            assert "would replace the input" in refused(capsys, photo, "-o", name, "--overwrite")
        Image.open(photo).save("another.jpg")
        assert command("colorize", photo, "another.jpg", "-o", ".", "--overwrite") == 2
        assert photo.read_bytes() == before

    def test_another_file_only_when_it_is_asked_for(self, photo: Path, capsys):
        Path("out.png").write_text("something dear")
        assert "exists already" in refused(capsys, photo, "-o", "out.png")
        assert Path("out.png").read_text() == "something dear"
        assert command("colorize", photo, "-o", "out.png", "--overwrite") == 0
        assert pixels(Path("out.png")).ndim == 3

    def test_a_failure_leaves_nothing_behind(self, here: Path, gray: np.ndarray, capsys):
        Image.fromarray(gray[:1].repeat(200, axis=1)).save("long.png")
        assert "19200 pixels" in refused(capsys, "long.png", "-o", "out/long.webp")
        assert list(Path("out").iterdir()) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("empty.png", b""),
            ("text.png", b"not a picture"),
            ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>"),
            ("cut.png", encoded(Image.new("L", (300, 200), 90))[:60]),
            ("bomb.png", encoded(Image.new("1", (9000, 9000)))),
            ("huge.png", encoded(Image.new("1", (11000, 9000)))),
            ("\x1b[31mred\n.png", b"red"),
        ],
    )
    def test_a_file_that_is_no_photo(self, here: Path, capsys, name: str, content: bytes):
        Path(name).write_bytes(content)
        assert "\x1b" not in refused(capsys, name)

    def test_a_photo_that_is_not_there(self, here: Path, capsys):
        assert "no such file" in refused(capsys, "gone.png")
        Path("empty").mkdir()
        assert "no picture in empty" in refused(capsys, "empty")
        os.mkfifo("pipe.png")
        assert "neither a file nor a folder" in refused(capsys, "pipe.png")

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--vividness", "1.5"], "Vividness must be a number from 0 to 1."),
            (["--vividness", "nan"], "Vividness must be a number from 0 to 1."),
            (["--vividness", "very"], "Vividness must be a number from 0 to 1."),
            (["--working-size", "200.5"], "Working size must be a whole number from 64 to 512."),
            (["--warmth", "-2"], "Warmth must be a number from -1 to 1."),
            (["-m", "magic"], f"There is no method 'magic'; the methods are: {', '.join(METHODS)}."),
            (["--bits", "16", "--format", "png"], "16 bits need a TIFF file"),
            (["--bits", "16", "-o", "x.png"], "16 bits need a TIFF file"),
            (["--format", "webp", "-o", "x.jpg"], "x.jpg is not the name of a webp file"),
            (["-o", "x.gif"], "x.gif must end in one of these: .png"),
            (["-o", "portrait.png/x.png"], "The folder portrait.png cannot be made"),
            (["--checkpoint", "gone.safetensors"], "There is no file gone.safetensors"),
            (["--weights", "other"], "Network must be one of efficientnet, lab, rgb."),
            (["another.png", "-o", "x.png"], "x.png names one file and there are several photos"),
        ],
    )
    def test_an_option_that_cannot_be(self, photo: Path, capsys, words: list[str], sentence: str):
        assert refused(capsys, photo, *words).startswith(sentence)
        assert [path.name for path in Path().iterdir()] == ["portrait.png"]

    @pytest.mark.parametrize(
        "words", [["colorize"], ["colorize", ""], ["colorize", "a.png", "--vivid", "1"], ["paint"], [], ["weights"]]
    )
    def test_a_command_that_is_not_understood(self, words: list[str]):
        assert command(*words) == 2

    def test_a_checkpoint_of_a_method_without_weights(self, photo: Path, capsys, trivial: None):
        Path("own.pth").write_bytes(b"hello")
        assert "leave out --checkpoint" in refused(capsys, photo, "-m", "trivial", "--checkpoint", "own.pth")

    def test_a_checkpoint_of_another_network(self, photo: Path, capsys):
        assert "does not fit this network" in refused(capsys, photo, "--checkpoint", store().find("unet/lab"))

    def test_weights_that_are_not_here(self, photo: Path, capsys, no_weights: None):
        assert "weights gan_unet.safetensors are not installed" in refused(
            capsys, photo, "-m", "gan", "--weights", "unet"
        )
        assert [path.name for path in Path().iterdir()] == ["portrait.png"]

    @pytest.mark.parametrize("content", [b"hello", b"\x80\x02]q\x00.", b""])
    def test_a_checkpoint_that_is_none(self, photo: Path, capsys, content: bytes):
        Path("own.pth").write_bytes(content)
        assert refused(capsys, photo, "--checkpoint", "own.pth").startswith("own.pth is ")


class TestMakingAPictureAgain:
    @pytest.mark.parametrize("name", ["first.png", "first.jpg", "first.webp", "first.tif", "deep.tif"])
    def test_gives_the_same_pixels(self, photo: Path, name: str):
        flags = ("--vividness", 0.9, "--working-size", 128, "--saturation", 1.5, "--warmth", 0.3)
        assert command("colorize", photo, "-o", "wanted.png", *flags) == 0
        assert command("colorize", photo, "-o", name, "--bits", 16 if name == "deep.tif" else 8, *flags) == 0
        assert command("colorize", photo, "-o", "again.png", "--from", name) == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("wanted.png")))
        assert read_record(Path("again.png")) == read_record(Path(name))

    def test_needs_no_more_than_the_xmp_that_another_program_left(self, photo: Path):
        assert command("colorize", photo, "-o", "first.png") == 0
        xmp = PngInfo()
        xmp.add_itxt("XML:com.adobe.xmp", read_record(Path("first.png")).xmp().decode())
        Image.fromarray(pixels(Path("first.png"))).save("other.png", pnginfo=xmp)
        assert command("colorize", photo, "-o", "again.png", "--from", "other.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))

    def test_gives_a_variant_again_without_its_company(self, photo: Path):
        few = ("--variants", 3, "--seed", 7, "--steps", 2, "--samples-per-result", 2, "--working-size", 64)
        assert command("colorize", photo, "-m", "diffusion", *few, "-o", "ideas.png") == 0
        assert command("colorize", photo, "--from", "ideas_2.png", "-o", "again.png") == 0
        again, wanted, other = (pixels(Path(name)).astype(int) for name in ("again.png", "ideas_2.png", "ideas_1.png"))
        assert np.abs(again - wanted).max() <= 1, "what a network says is rounded otherwise in company"
        assert np.abs(again - other).max() > 1
        assert read_record(Path("again.png")) == read_record(Path("ideas_2.png"))

    def test_asks_for_the_second_picture(self, photo: Path, trivial: None, capsys):
        Image.fromarray(skimage.data.astronaut()[:64, :64]).save("colours.png")
        Image.fromarray(skimage.data.astronaut()[64:128, :64]).save("others.png")
        asked = ("-m", "trivial", "--reference", "colours.png", "-o", "first.png")
        assert command("colorize", photo, *asked) == 0
        again = (photo, "--from", "first.png", "-o", "again.png")
        assert "second picture; give it with --reference PATH" in refused(capsys, *again)
        assert "another picture; give that one with --reference" in refused(capsys, *again, "--reference", "others.png")
        assert command("colorize", *again, "--reference", "colours.png") == 0
        assert np.array_equal(pixels(Path("first.png")), pixels(Path("again.png")))
        assert command("colorize", photo, "-m", "trivial", "-o", "plain.png") == 0
        spare = (photo, "--from", "plain.png", "--reference", "colours.png", "-o", "x.png")
        assert "without this picture; leave out --reference" in refused(capsys, *spare)

    def test_turns_the_photo_as_it_was_turned_on_the_page(self, photo: Path, capsys):
        turned = Photo.open(photo).rotated(3)
        colorize(turned, "unet")[0].save("first.png")
        assert command("colorize", photo, "--from", "first.png", "-o", "again.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))
        assert pixels(Path("again.png")).shape[:2] == pixels(photo).T.shape

    def test_takes_the_photo_turned_by_another_program(self, photo: Path, gray: np.ndarray):
        assert command("colorize", photo, "-o", "first.png") == 0
        Image.fromarray(np.rot90(gray)).save("on_its_side.png")
        assert command("colorize", "on_its_side.png", "--from", "first.png", "-o", "again.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))

    def test_knows_how_records_named_a_turned_photo_before(self, photo: Path):
        result = colorize(Photo.open(photo).rotated(3), "unet")[0]
        former = hashlib.sha256(f"{Photo.open(photo).sha256} turned 3".encode()).hexdigest()
        record = result.record.model_copy(update={"input_sha256": former})
        replace(result, coloring=replace(result.coloring, record=record)).save("first.png")
        assert command("colorize", photo, "--from", "first.png", "-o", "again.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))

    def test_refuses_another_photo(self, photo: Path, gray: np.ndarray, capsys):
        assert command("colorize", photo, "-o", "first.png") == 0
        for pixels_of_another in (gray[::-1], np.rot90(gray)[::-1], gray[1:], gray + 1):
            Image.fromarray(pixels_of_another).save("another.png")
            said = refused(capsys, "another.png", "--from", "first.png")
            assert said == "another.png is not the photo that first.png was made from; give the original photo.\n"
        assert "give its photo alone" in refused(capsys, photo, "another.png", "--from", "first.png")
        assert "give its photo alone" in refused(capsys, ".", "--from", "first.png")

    def test_refuses_what_the_record_says_already(self, photo: Path, capsys):
        assert command("colorize", photo, "-o", "first.png") == 0
        again = (photo, "--from", "first.png")
        assert "leave out --vividness, --warmth" in refused(capsys, *again, "--warmth", 0.5, "--vividness", 0.1)
        assert "leave out -m" in refused(capsys, *again, "-m", "unet")
        assert "would replace the input" in refused(capsys, *again, "-o", "first.png", "--overwrite")

    def test_refuses_a_file_that_is_no_result(self, photo: Path, capsys):
        assert "has no record of how it was made" in refused(capsys, photo, "--from", photo)
        Path("text.png").write_bytes(b"not a picture")
        assert "text.png cannot be read" in refused(capsys, photo, "--from", "text.png")
        os.mkfifo("pipe.png")
        for name in ("gone.png", "pipe.png", ".", ""):
            assert "does not exist or is not a file" in refused(capsys, photo, "--from", name)

    def test_names_the_weights_that_are_not_here(self, photo: Path, capsys, no_weights: None):
        with_record(photo, weights={"unet/efficientnet": "0" * 64})
        said = refused(capsys, photo, "--from", "first.png")
        there = "the weights unet/efficientnet, which are not installed; put them into weights/."
        assert said == f"first.png was made with {there}\n"
        with_record(photo, weights={"transformer/ddcolor_tiny": "0" * 64})
        assert "colorizers weights download ddcolor_tiny" in refused(capsys, photo, "--from", "first.png")

    def test_goes_on_with_other_versions_and_says_so(self, photo: Path, capsys):
        assert command("colorize", photo, "-o", "wanted.png") == 0
        made = read_record(Path("wanted.png"))
        known = {name: value for name, value in made.options.items() if name != "faded_print"}
        with_record(photo, **made.model_dump() | {"options": known, "versions": {"torch": "1.13.1", "magic": "3"}})
        capsys.readouterr()
        assert command("colorize", photo, "--from", "first.png", "-o", "again.png") == 0
        assert capsys.readouterr().err.splitlines() == [
            f"portrait.png: first.png was made with torch 1.13.1 (here {made.versions['torch']}); "
            "the pixels may differ a little.",
            "portrait.png: The record of first.png has no --faded-print; the default was used.",
        ]
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("wanted.png")))

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"weights": {"unet/efficientnet": "0" * 64}}, "first.png was made with other weights unet/efficientnet;"),
            ({"weights": {"../../secret": "0" * 64}}, "first.png was made with weights that are not known here"),
            ({"weights": {"\x1b[31m": "0" * 64}}, "first.png was made with weights that are not known here"),
            ({"stopped_early": True}, "first.png was stopped early, so it cannot be reproduced; leave out --from."),
            ({"method": "magic"}, "There is no method 'magic'"),
            ({"method": "\x1b[31m\n"}, "There is no method"),
            ({"options": {"vividness": 7}}, "Vividness must be"),
            ({"options": {"vividness": math.nan}}, "Vividness must be"),
            ({"options": {"working_size": 10**400}}, "Working size must be"),
            ({"options": {"weights": "../../secret"}}, "Network must be"),
            ({"options": {"command": "rm"}}, "Unknown option 'command'"),
            ({"options": {"\x1b[31m\n": 1}}, "Unknown option"),
            ({"finish": {"warmth": "hot"}}, "Warmth must be"),
            ({"finish": {"warmth": math.inf}}, "Warmth must be"),
            ({"pictures": {"reference": "0" * 64}}, "first.png was made with a picture that unet does not take"),
            ({"pictures": {"\x1b[31m\n": "0" * 64}}, "first.png was made with a picture that unet does not take"),
            ({"versions": {"torch": "\x1b[31m\n"}}, "The record in first.png was made by another version"),
            ({"version": 99}, "The record in first.png was made by another version"),
            ({"input_sha256": "\x1b[31m\n"}, "portrait.png is not the photo that first.png was made from"),
        ],
    )
    def test_does_not_trust_the_record(self, photo: Path, capsys, change: dict, sentence: str):
        with_record(photo, **change)
        said = refused(capsys, photo, "--from", "first.png", "-o", "x.png")
        assert said.startswith(sentence)
        assert "\x1b" not in said
        assert not Path("x.png").exists()


class TestLists:
    def test_methods_names_every_method_and_option(self, trivial: None, capsys):
        assert command("methods") == 0
        said = capsys.readouterr().out
        for method in METHODS.values():
            assert f"{method.info.name}: {method.info.title}, {method.info.purpose}" in said
            assert method.info.paper in said
            assert all(entry.name in said and entry.help in said for entry in controls(method.info.options))
            assert all(entry.help in said for entry in controls(method.info.finish))

    def test_weights_list_names_every_file(self, capsys):
        assert command("weights", "list") == 0
        lines = capsys.readouterr().out.splitlines()[1:]
        assert [line.split()[0] for line in lines] == list(REGISTRY)
        for line, status in zip(lines, store().listing(), strict=True):
            assert status.path is None or status.path.name in line
            assert str(status.weights.licence) in line
            assert status.sha256[:12] in line

    def test_help_shows_the_flags_of_the_method(self, trivial: None, capsys):
        for method in METHODS.values():
            assert command("colorize", "-m", method.info.name, "--help") == 0
            said = capsys.readouterr().out
            flags = [
                "--" + entry.name.replace("_", "-") for entry in (*controls(method.info.options), *controls(Finish))
            ]
            assert all(flag in said for flag in flags)

    @pytest.mark.parametrize(("method", "saturation"), [("unet", "1.0"), ("resnet_unet", "1.5")])
    def test_help_shows_the_finish_that_the_method_starts_with(self, method: str, saturation: str, capsys):
        assert command("colorize", "-m", method, "--help") == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"Boosts or lowers saturation (HSV). (0 to 3; default: {saturation})" in said

    def test_help_waits_for_no_model_code(self):
        code = (
            "import sys; from colorizers.__main__ import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: sys.exit('torch' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
        assert all(f"{name} " in run.stdout for name in COMMANDS)

    def test_a_reader_may_leave_early(self):
        with start("methods") as process:
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 141
