"""`deploy space`: one command makes a Space of the project, tells beforehand what it will do, and keeps the token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import store
from hub_server import FIRST, connect, running_hub
from huggingface_hub import HfApi, constants
from run_command import command, refused
from space_server import TOKEN, Account, running_spaces

from colorizers.commands import deploy, serve
from colorizers.errors import ColorizerError
from colorizers.settings import get_settings

README = "---\ntitle: Colorizers\nsdk: gradio\n---\n\n# Colorizers\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, with what nobody may have who only visits the Space."""
    folder = tmp_path / "project"
    for name in ("colorizers/__pycache__", "weights", "test_images"):
        (folder / name).mkdir(parents=True)
    for name in ("app.py", "pyproject.toml", "requirements.txt", "LICENSE", "NOTICE", "colorizers/__init__.py"):
        (folder / name).write_text(name)
    for name in (".env", "colorizers/.secret", "colorizers/__pycache__/x.pyc", "notes.txt"):
        (folder / name).write_text("private")
    (folder / "weights" / "unet.safetensors").write_bytes(b"tensors" * 100)
    (folder / "test_images" / "dog.jpg").write_bytes(b"picture")
    (folder / "README.md").write_text(README)
    return folder


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with running_spaces() as made:
        connect(made.url, monkeypatch)
        yield made


def space(project: Path, *weights: str, hardware: str | None = None, private: bool = False) -> deploy.Space:
    return deploy.planned("me/colors", list(weights), hardware, private, project)


def put(wanted: deploy.Space, account: Account) -> str:
    return deploy.deploy(wanted, HfApi(endpoint=account.url))


def test_a_space_has_the_projects_files_and_nothing_private_and_is_public_hosting(project: Path, account: Account):
    assert put(space(project, hardware="t4-small", private=True), account) == f"{account.url}/spaces/me/colors"
    assert account.made["type"] == "space"
    assert account.made["sdk"] == "gradio"
    assert account.made["visibility"] == "private"
    assert account.variables == {"COLORIZERS_PUBLIC": "1"}
    assert account.hardware == "t4-small"
    assert account.files["README.md"].decode() == README
    assert account.files["weights/unet.safetensors"] == b"tensors" * 100
    assert b"private" not in account.files.values()
    assert len(account.files) == 9
    assert account.asked.index("variables") < account.asked.index("commit"), "it never runs without them"


def test_a_second_time_it_is_brought_up_to_date(project: Path, account: Account):
    put(space(project), account)
    (project / "test_images" / "dog.jpg").unlink()
    (project / "app.py").write_text("newer")
    put(space(project), account)
    assert account.files["app.py"] == b"newer"
    assert "test_images/dog.jpg" not in account.files
    assert account.hardware == "cpu-basic"
    assert "hardware" not in account.asked, "what was chosen by hand stays"


def test_a_space_of_another_program_is_left_alone(project: Path, account: Account):
    account.files = {".gitattributes": b"", "README.md": b"", "game.py": b"mine"}
    with pytest.raises(ColorizerError, match=r"^me/colors is a Space of another program;"):
        put(space(project), account)
    assert account.files["game.py"] == b"mine"
    assert account.variables == {}


def test_wanted_weights_come_with_the_build_and_are_used_from_there(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    published = {"pytorch_model.bin": b"tensors" * 1000}
    with running_hub(published, tmp_path / "cache") as hub:
        wanted = space(project, "ddcolor_tiny")
        front = wanted.files["README.md"].decode().split("---\n")[1]
        repository = "piddnad/ddcolor_paper_tiny"
        assert f"preload_from_hub:\n  - {repository} pytorch_model.bin {FIRST}\n" in front
        assert wanted.variables["COLORIZERS_DOWNLOAD"] == "transformer/ddcolor_tiny"

        built = tmp_path / "hub" / f"models--{repository.replace('/', '--')}" / "snapshots" / FIRST
        built.mkdir(parents=True)
        (built / "pytorch_model.bin").write_bytes(published["pytorch_model.bin"])
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        assert command("weights", "download", "ddcolor_tiny") == 0
        kept = Path(capsys.readouterr().out.splitlines()[-1])
        assert kept.read_bytes() == published["pytorch_model.bin"]
        assert not any("/store/" in asked for asked in hub.asked), "nothing is fetched twice"


def test_a_server_gets_the_weights_that_its_surroundings_name_and_once_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLORIZERS_DOWNLOAD", "ddcolor_tiny, ")
    with running_hub({"pytorch_model.bin": b"tensors"}, tmp_path / "cache") as hub:
        for _ in range(2):
            serve.download_wanted(store())
        assert len([asked for asked in hub.asked if "/store/" in asked]) == 1
        monkeypatch.setenv("COLORIZERS_DOWNLOAD", "ddcolor_tiny,unknown")
        get_settings.cache_clear()
        assert refused(capsys, name="serve").startswith("There are no weights 'unknown'")


def test_a_dry_run_says_what_would_be_done_and_asks_nobody(account: Account, capsys: pytest.CaptureFixture[str]):
    assert command("deploy", "space", "me/colors", "--dry-run", "--hardware", "l4x1") == 0
    told = capsys.readouterr().out
    assert "me/colors" in told
    assert "l4x1" in told
    assert "COLORIZERS_PUBLIC=1" in told
    assert account.asked == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["colors"], "colors is no name of a Space; give OWNER/NAME.\n"),
        (["me/colors", "--weights", "unet/lab"], "weights download needs a KEY, one of these: "),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    words: list[str], sentence: str, account: Account, capsys: pytest.CaptureFixture[str]
):
    assert refused(capsys, "space", *words, name="deploy").startswith(sentence)
    assert account.asked == []


def test_without_a_token_that_may_write_nothing_is_done(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    assert command("deploy", "space", "me/colors") == 2
    said = capsys.readouterr()
    assert said.err.startswith("Hugging Face refused me/colors (error 401); check the name,")
    assert "hf_of_somebody_else" not in said.out + said.err
    assert account.files == {}

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert refused(capsys, "space", "me/colors", name="deploy").startswith("You are not logged in to Hugging Face;")


def test_what_was_installed_without_its_folder_says_so(tmp_path: Path):
    with pytest.raises(ColorizerError, match=r"is not the project's folder \(app\.py"):
        space(tmp_path)
