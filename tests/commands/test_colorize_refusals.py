"""What the command line refuses, each in one sentence."""

import os
import socket
from pathlib import Path

import pytest
import torch
from conftest import encoded, store
from PIL import Image
from run_command import command, refused

from colorizers.methods.catalog import METHODS


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
            (["--weights", "other"], "Network must be one of efficientnet, hints, lab, rgb."),
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

    @pytest.mark.parametrize("flag", ["", "-o", "--checkpoint", "--hints", "--from"])
    def test_a_name_that_no_file_can_have(self, photo: Path, capsys, flag: str):
        words = [photo, flag, "x" * 300] if flag else ["x" * 300]
        assert "a name too long for a file" in refused(capsys, *words) or flag == "--from"

    def test_a_pickle_with_code(self, photo: Path, capsys):
        class Payload:
            def __reduce__(self):
                return os.mkdir, ("it_ran",)

        for name in ("own.pt", "own.pth", "own.safetensors", "own.bin"):
            torch.save({"weight": torch.zeros(2), "more": Payload()}, name)
            assert refused(capsys, photo, "--checkpoint", name).startswith(
                f"{name} is damaged or holds more than tensors"
            )
        assert not Path("it_ran").exists()


class TestAddresses:
    @pytest.mark.parametrize("words", [("--port", 99_999), ("--port", -1), ("--host", "nowhere.invalid")])
    def test_where_nobody_can_listen(self, capsys, words: tuple):
        assert "Nobody can listen at" in refused(capsys, *words, name="serve")

    def test_where_somebody_listens_already(self, capsys):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            assert "address already in use" in refused(capsys, "--port", taken.getsockname()[1], name="serve").lower()

    def test_what_is_no_port_in_the_environment(self, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("GRADIO_SERVER_PORT", "abc")
        assert "a port is a number from 1 to 65535" in refused(capsys, name="serve")
