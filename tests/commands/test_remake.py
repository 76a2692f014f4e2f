"""colorize --from: a picture is made again from its photo and its record."""

import hashlib
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.color
import skimage.data
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from run_command import command, pixels, refused, with_record

from colorizers import colorize
from colorizers.picture.finish import LOOKS, Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record


class TestMakingAPictureAgain:
    @pytest.mark.parametrize("name", ["first.png", "first.jpg", "first.webp", "first.tif", "deep.tif"])
    def test_gives_the_same_pixels(self, photo: Path, name: str):
        flags = ("--vividness", 0.9, "--working-size", 128, "--saturation", 1.5, "--warmth", 0.3)
        assert command("colorize", photo, "-o", "wanted.png", *flags) == 0
        assert command("colorize", photo, "-o", name, "--bits", 16 if name == "deep.tif" else 8, *flags) == 0
        assert command("colorize", photo, "-o", "again.png", "--from", name) == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("wanted.png")))
        assert read_record(Path("again.png")) == read_record(Path(name))

    def test_gives_its_look_and_its_contrast_again(self, photo: Path):
        asked = ("--look", "kodachrome", "--warmth", 0.1, "--contrast", 0.8)
        assert command("colorize", photo, "-o", "first.png", *asked) == 0
        made = read_record(Path("first.png")).finish
        assert made == Finish(**{**LOOKS["kodachrome"], "warmth": 0.1, "contrast": 0.8}).model_dump()
        assert command("colorize", photo, "-o", "again.png", "--from", "first.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))

    def test_gives_its_hints_again(self, photo: Path, capsys):
        Path("hints.json").write_text('[{"path": [[0.5, 0.5]], "color": "#2e7d32", "reach": 3}]')
        assert command("colorize", photo, "-o", "plain.png") == 0
        assert command("colorize", photo, "-o", "first.png", "--hints", "hints.json") == 0
        assert command("colorize", photo, "-o", "again.png", "--from", "first.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))
        assert not np.array_equal(pixels(Path("plain.png")), pixels(Path("first.png")))
        assert "--hints" in refused(capsys, photo, "-o", "x.png", "--from", "first.png", "--hints", "hints.json")

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
        there = (
            "the weights unet/efficientnet, which are not installed; put them into weights/ or COLORIZERS_WEIGHTS_DIR."
        )
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
