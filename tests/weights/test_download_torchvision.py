"""Downloads of torchvision's weights."""

import hashlib
import io
import json
import re
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from conftest import reader, store
from hub_server import HUB, KEY, Hub, download, names_in, network, refusal
from huggingface_hub import constants
from torch import nn
from torchvision.models import VGG19_Weights

from colorizers.__main__ import main
from colorizers.methods.catalog import REGISTRY
from colorizers.weights import downloads
from colorizers.weights.downloads import LOCK
from colorizers.weights.store import sha256

# torchvision's


VGG = "style/vgg19"
NAMED = VGG19_Weights.IMAGENET1K_V1


class Terminal(io.StringIO):
    """Somebody looks at what is written."""

    def isatty(self) -> bool:
        return True


def classifier() -> bytes:
    """A file as torchvision has them: our network and more, parameters in the format of old."""
    state = network().state_dict() | {"classifier.0.weight": torch.ones(2, 3)}
    file = io.BytesIO()
    torch.save({name: nn.Parameter(value) for name, value in state.items()}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def publish(hub: Hub, data: bytes, monkeypatch: pytest.MonkeyPatch, digits: str = "") -> str:
    """Let torchvision name a file of the server, by the hash that it has or by other digits."""
    name = f"vgg19-{digits or hashlib.sha256(data).hexdigest()[:8]}.pth"
    hub.models[name] = data
    monkeypatch.setattr(NAMED.value, "url", f"{hub.url}/models/{name}")
    return name


@pytest.fixture
def published(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file that torchvision publishes in place of the real one."""
    return publish(hub, classifier(), monkeypatch)


@pytest.fixture
def kept_vgg(tmp_path: Path) -> Path:
    """Where it is to be."""
    return tmp_path / "cache" / "weights" / "style_vgg19.pth"


class TestTorchvision:
    @pytest.mark.parametrize("name", ["vgg19", "resnet34", "swin_b"])
    def test_tells_where_its_weights_are_how_large_and_the_beginning_of_their_hash(self, name: str, tmp_path: Path):
        entry = REGISTRY[f"style/{name}"]
        ((kept, file),) = entry.hub.published(tmp_path, entry.stem, ()).items()
        assert kept == f"style_{name}.pth"
        assert re.fullmatch(rf"{name}-{file.pin.sha256}\.pth", file.pin.file)
        assert re.fullmatch("[0-9a-f]{8}", file.pin.sha256)
        assert entry.megabytes == round(file.size / 1e6)

    def test_is_asked_after_it_was_said_what_comes_and_locked_to_the_whole_hash(
        self, hub: Hub, published: str, kept_vgg: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert download("vgg19") == 0
        said, path = capsys.readouterr().out.splitlines()
        assert said.startswith("vgg19: torchvision, 575 MB, license BSD-3-Clause, as torchvision's code; trained on ")
        assert path == str(kept_vgg)
        assert f"{published}: 100%" in sys.stderr.getvalue(), "progress"
        data = hub.models[published]
        assert kept_vgg.read_bytes() == data
        digest = hashlib.sha256(data).hexdigest()
        pin = {"hub": "torchvision", "revision": str(NAMED), "file": published, "sha256": digest}
        assert json.loads((kept_vgg.parent / LOCK).read_text()) == {"style_vgg19": pin}
        assert names_in(kept_vgg.parent) == [LOCK, kept_vgg.name]

    def test_gives_weights_that_are_loaded_without_the_classifier_and_not_fetched_twice(
        self, hub: Hub, published: str, kept_vgg: Path, capsys
    ):
        assert download(VGG) == 0
        loaded = reader().load_into(nn.Linear(1500, 2000), VGG).state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in network().state_dict().items())
        assert download("vgg19") == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"vgg19 is installed already: {kept_vgg}"
        assert len(hub.asked) == 1

    def test_goes_on_where_a_download_broke_off(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        hub.patience = 3 * 2**20 + 1
        assert refusal(capsys, "vgg19") == (
            "The download from torchvision failed (the connection broke); free some disk space or try again."
        )
        assert "error 503 for vgg19-" in refusal(capsys, "vgg19")
        assert not store().has(VGG)
        hub.patience = None
        assert download("vgg19") == 0
        assert hub.asked[-1] == f"/models/{published} bytes={3 * 2**20 + 1}-"
        assert kept_vgg.read_bytes() == hub.models[published]

    def test_begins_anew_when_the_server_gives_no_parts(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        hub.patience = 2**20
        refusal(capsys, "vgg19")
        hub.patience, hub.ranges = None, False
        assert download("vgg19") == 0
        assert kept_vgg.read_bytes() == hub.models[published]

    def test_has_nothing_to_add_when_all_had_come_before_the_end(
        self, hub: Hub, published: str, kept_vgg: Path, capsys
    ):
        hub.patience = 2**20
        refusal(capsys, "vgg19")
        next(kept_vgg.parent.glob("*.part")).write_bytes(hub.models[published])
        hub.patience = None
        assert download("vgg19") == 0
        assert kept_vgg.read_bytes() == hub.models[published]

    def test_is_not_believed_when_another_file_arrives(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        hub.arrives[published] = bytes(len(hub.models[published]))
        assert refusal(capsys, "vgg19") == f"The download is not the {published} that torchvision names; try again."
        assert names_in(kept_vgg.parent) == []
        hub.arrives.clear()
        assert download("vgg19") == 0, "the next try begins anew"

    def test_is_not_believed_when_its_file_has_another_hash_than_its_name_says(
        self, hub: Hub, kept_vgg: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ):
        publish(hub, classifier(), monkeypatch, digits="0123abcd")
        said = "The download is not the vgg19-0123abcd.pth that torchvision names; try again."
        assert refusal(capsys, "vgg19") == said
        assert names_in(kept_vgg.parent) == []

    def test_is_asked_once_by_two_downloads_at_once(self, hub: Hub, published: str, kept_vgg: Path):
        hub_of = REGISTRY[VGG].hub
        files = [hub_of.published(kept_vgg.parent, kept_vgg.stem, ())[kept_vgg.name] for _ in range(2)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda file: downloads.fetch(file, kept_vgg), files))
        assert kept_vgg.read_bytes() == hub.models[published]
        assert len(hub.asked) == 1

    def test_cannot_change_what_was_locked(
        self, hub: Hub, published: str, kept_vgg: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ):
        assert download("vgg19") == 0
        kept_vgg.unlink()
        publish(hub, b"other weights", monkeypatch)
        assert "is not what was downloaded before; delete its entry" in refusal(capsys, "vgg19")
        (kept_vgg.parent / LOCK).write_text("{}")
        assert download("vgg19") == 0
        assert kept_vgg.read_bytes() == b"other weights"

    def test_shares_a_lock_with_the_hub(self, hub: Hub, published: str, kept: Path, kept_vgg: Path):
        for name in ("ddcolor_tiny", "vgg19"):
            assert download(name) == 0
        assert {stem: pin.hub for stem, pin in downloads.pins(kept.parent).items()} == {
            kept.stem: HUB,
            kept_vgg.stem: "torchvision",
        }
        assert reader().load_into(network(), KEY) is not None
        assert reader().load_into(network(), VGG) is not None

    def test_is_named_by_the_list_with_how_to_get_its_weights(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        def row() -> str:
            assert main(["weights", "list"]) == 0
            return next(line for line in capsys.readouterr().out.splitlines() if line.startswith(VGG))

        for word in ("no", "torchvision", "BSD-3-Clause", "ImageNet", "colorizers weights download vgg19"):
            assert word in row()
        assert download("vgg19") == 0
        capsys.readouterr()
        for word in ("yes", kept_vgg.name, sha256(kept_vgg)[:12]):
            assert word in row()

    def test_is_no_hub_of_hugging_faces(self, hub: Hub, published: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert download("vgg19") == 0

    def test_out_of_reach(self, hub: Hub, published: str, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(NAMED.value, "url", f"http://127.0.0.1:9/{published}")
        said = "127.0.0.1 cannot be reached; connect to the internet and try again."
        assert refusal(capsys, "vgg19") == said

    def test_without_the_file(self, hub: Hub, published: str, capsys):
        hub.models.clear()
        assert refusal(capsys, "vgg19") == f"127.0.0.1 answered with error 404 for {published}; try again later."

    def test_that_names_no_hash(self, hub: Hub, published: str, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(NAMED.value, "url", f"{hub.url}/models/vgg19.pth")
        assert "torchvision names no hash for VGG19_Weights.IMAGENET1K_V1" in refusal(capsys, "vgg19")
        assert hub.asked == []

    def test_with_more_than_the_disk_takes(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 2**20, limits[1]))
        try:
            sentence = refusal(capsys, "vgg19")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert sentence == "The download from torchvision failed (file too large); free some disk space or try again."
        assert download("vgg19") == 0
        assert hub.asked[-1] == f"/models/{published} bytes={5 * 2**20}-", "it goes on when there is room"
        assert kept_vgg.read_bytes() == hub.models[published]
