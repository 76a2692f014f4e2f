"""The command line: photographs in, coloured pictures out, and one sentence for whatever is refused."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import skimage.color
import skimage.data
import tifffile
from conftest import encoded, store
from PIL import Image
from run_command import command, pixels, refused, start, written

from colorizers import colorize
from colorizers.__main__ import COMMANDS
from colorizers.engine.worker import Worker
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.options import controls
from colorizers.picture.finish import Finish
from colorizers.picture.record import read_record
from colorizers.settings import PROJECT
from colorizers.weights.loading import read_state
from colorizers.weights.store import sha256


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

    def test_has_a_mark_in_a_corner_where_it_is_asked_for(self, here: Path, gray: np.ndarray):
        Image.fromarray(gray).save("-p.png")
        for name, more in (("plain.png", ()), ("marked.png", ("--mark",))):
            assert command("colorize", "-o", name, *more, "--", "-p.png") == 0
        plain, marked = (np.asarray(Image.open(name)) for name in ("plain.png", "marked.png"))
        changed = (plain != marked).any(-1)
        assert changed[-3:].any()
        assert not changed[: len(changed) // 2].any()

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

    def test_that_lacks_a_picture_is_told_which_flag_names_it(self, photo: Path, capsys):
        assert "name one with --reference." in refused(capsys, photo, "-m", "adain")

    def test_has_the_finish_of_its_method_but_for_what_is_given(self, photo: Path):
        assert command("colorize", photo, "-m", "img2img", "-o", "own.png") == 0
        assert command("colorize", photo, "-m", "img2img", "--warmth", 0.4, "-o", "warm.png") == 0
        own = METHODS["img2img"].info.finish.model_dump()
        assert read_record(Path("own.png")).finish == own
        assert read_record(Path("warm.png")).finish == own | {"warmth": 0.4}


class TestManyPhotos:
    def test_a_folder_becomes_a_folder_past_what_is_broken(self, family: Path, capsys):
        assert command("colorize", family) == 2
        said = capsys.readouterr()
        assert said.out == "family_color\n"
        failure, summary = said.err.splitlines()
        assert summary == "4 of 5 photos coloured; failed: 1; not pictures: 1"
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
        rest = written(Path("out/oma_png.png"))
        capsys.readouterr()
        assert command("colorize", family, "-o", "out") == 0
        said = capsys.readouterr().err
        assert said == "1 of 4 photos coloured; skipped because results exist: 3; not pictures: 1\n"
        assert Path("out/oma_jpg.png").is_file()
        assert written(Path("out/oma_png.png")) == rest

    def test_photos_and_folders_go_into_one_folder(self, photo: Path, family: Path, capsys):
        assert command("colorize", photo, "gone.png", family / "1932", "--format", "jpeg") == 2
        assert "gone.png: gone.png cannot be opened" in capsys.readouterr().err
        written = {path.relative_to("color").as_posix() for path in Path("color").rglob("*.*")}
        assert written == {"portrait.jpg", "1932/Ann & Bob.jpg", "1932/summer/sea.jpg"}

    def test_results_inside_the_folder_are_not_taken_for_photos(self, photo: Path, capsys):
        assert command("colorize", ".", "-o", "out") == 0
        assert command("colorize", ".", "-o", "out", "--overwrite") == 0
        assert capsys.readouterr().err == "1 of 1 photos coloured\n" * 2
        assert [path.name for path in Path("out").iterdir()] == ["portrait.png"]

    @pytest.mark.slow
    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_run_leaves_whole_pictures_and_says_nothing(self, here: Path, end: signal.Signals):
        Path("many").mkdir()
        for k in range(60):
            Image.fromarray(skimage.data.astronaut()[:200, :150]).save(f"many/{k}.png")
        with start("colorize", here / "many", "-o", here / "out") as process:
            first = process.stderr.readline()
            process.send_signal(end)
            out, rest = process.communicate()
        assert (process.returncode, out) == (130, "")
        said = {line.partition(": ")[2] for line in (first + rest).splitlines()}
        assert said == {"The photo already has colour: only its luminance was used."}
        written = list(Path("out").iterdir())
        assert not any(path.name.startswith(".") for path in written)
        assert 0 < len(written) < 60
        assert all(pixels(path).shape == (200, 150, 3) for path in written)

    def test_ctrl_c_is_heard_at_the_very_end_of_a_photo(self, photo: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(Worker, "cancel", lambda *_: signal.raise_signal(signal.SIGINT))
        assert command("colorize", photo, "-o", "out.png") == 130
        with pytest.raises(KeyboardInterrupt):
            colorize(photo)
        assert not Path("out.png").exists()

    @pytest.mark.slow
    def test_a_killed_run_leaves_no_half_picture_and_the_next_one_goes_on(self, here: Path, capsys):
        Path("many").mkdir()
        for k in range(30):
            Image.fromarray(skimage.data.astronaut()[:200, :150]).save(f"many/{k}.png")
        with start("colorize", here / "many", "-o", here / "out") as process:
            process.stderr.readline()
            process.kill()
        first = {path: written(path) for path in Path("out").glob("[!.]*.png")}
        assert 0 < len(first) < 30
        assert all(pixels(path).shape == (200, 150, 3) for path in first)
        half = Path("out", f".{'0' * 32}.png")
        half.write_bytes(b"half")
        os.utime(half, (0, 0))
        assert command("colorize", "many", "-o", "out") == 0
        assert len(list(Path("out").glob("[!.]*.png"))) == 30
        assert not half.exists()
        assert first == {path: written(path) for path in first}


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

    def test_a_full_disk_is_named_and_leaves_nothing_half(self, photo: Path, capsys):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            said = refused(capsys, photo, "-o", "out/portrait.png")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert said == "out/portrait.png cannot be written (file too large); choose another place with -o.\n"
        assert list(Path("out").iterdir()) == []


class TestLists:
    def test_methods_names_every_method_and_option(self, trivial: None, capsys):
        assert command("methods") == 0
        said = capsys.readouterr().out
        for method in METHODS.values():
            assert f"{method.info.name}: {method.info.title}, {method.info.purpose}" in said
            assert method.info.paper in said
            assert all(entry.name in said and entry.help in said for entry in controls(method.info.options))
            assert all(entry.help in said for entry in controls(method.info.finish))

    def test_a_long_value_does_not_push_the_other_rows_apart(self, capsys):
        assert command("methods") == 0
        starts = [line.index("How ") for line in capsys.readouterr().out.splitlines() if "  How " in line]
        assert max(starts) < 100

    def test_weights_list_names_every_file(self, capsys):
        assert command("weights", "list") == 0
        lines = capsys.readouterr().out.splitlines()[1:]
        assert [line.split()[0] for line in lines] == list(REGISTRY)
        for line, status in zip(lines, store().listing(), strict=True):
            assert status.path is None or status.path.name in line
            assert str(status.weights.licence) in line
            assert status.path or not status.weights.megabytes or f"  {status.weights.megabytes}  " in line
            assert status.sha256[:12] in line

    def test_help_shows_the_flags_of_the_method(self, trivial: None, capsys):
        for method in METHODS.values():
            assert command("colorize", "-m", method.info.name, "--help") == 0
            said = capsys.readouterr().out
            flags = [
                "--" + entry.name.replace("_", "-") for entry in (*controls(method.info.options), *controls(Finish))
            ]
            assert all(flag in said for flag in flags)

    @pytest.mark.parametrize(("method", "strength"), [("unet", "1.0"), ("img2img", "0.8")])
    def test_help_shows_the_finish_that_the_method_starts_with(self, method: str, strength: str, capsys):
        assert command("colorize", "-m", method, "--help") == 0
        said = " ".join(capsys.readouterr().out.split())
        assert f"How much of the colour is applied. (0 to 2; default: {strength})" in said

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
