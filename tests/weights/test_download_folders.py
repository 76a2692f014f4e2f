"""Downloads of folders, as Stable Diffusion has them, from the Hugging Face hub."""

import hashlib
import json
import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import store
from hub_server import FIRST, SECOND, Hub, download, names_in, refusal

from colorizers.__main__ import main
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.weights.downloads import LOCK
from colorizers.weights.registry import OWN
from colorizers.weights.store import missing_weights

# Folders

CHECKER = "safety/checker"
BIG = "safety_checker/model.fp16.safetensors"
NEEDED = {
    BIG: bytes(range(256)) * 2**16,  # 16 MiB
    "safety_checker/config.json": b'{"model_type": "clip"}',
    "feature_extractor/preprocessor_config.json": b'{"size": 224}',
    "feature_extractor/words.txt": b"one per line",
}
SPARE = {
    "README.md": b"# A model",
    "model_index.json": b"{}",
    "v1-5-pruned.safetensors": b"all in one",
    "unet/config.json": b"{}",
    "safety_checker/model.safetensors": b"twice as large",
    "safety_checker/model.non_ema.safetensors": b"for those who train",
    "safety_checker/pytorch_model.bin": b"a pickle",
    "safety_checker/code.py": b"raise SystemExit",
    "safety_checker/deeper/config.json": b"{}",
    "safety_checker/../../up.json": b"{}",
    "safety_checker/..\\up.json": b"{}",
}


@pytest.fixture
def model(hub: Hub) -> Hub:
    """A hub with a repository of folders."""
    hub.revisions = {FIRST: SPARE | NEEDED}
    return hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the folder is to be."""
    return tmp_path / "cache" / "weights" / "safety_checker"


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(hub: Hub) -> list[str]:
    """The files that were asked for."""
    found = (re.search(r"/(?:resolve|store)/\w+/(.+)", line) for line in hub.asked)
    return [match[1] for match in found if match]


class TestFolder:
    def test_comes_with_what_its_use_needs_alone_and_is_locked_to_it(self, model: Hub, folder: Path, capsys):
        assert download("checker") == 0
        repository = REGISTRY[CHECKER].hub.name
        said, path = capsys.readouterr().out.splitlines()
        assert said.startswith(f"safety_checker: {repository}, 17 MB, license CreativeML OpenRAIL-M")
        assert path == str(folder)
        assert files_in(folder) == NEEDED
        assert set(fetched(model)) == set(NEEDED), "nothing else was as much as asked for"
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in NEEDED.items()}
        assert json.loads((folder.parent / LOCK).read_text()) == {
            "safety_checker": {"hub": repository, "revision": FIRST, "files": hashes}
        }
        assert names_in(folder.parent) == [LOCK, folder.name]

    def test_is_ready_then_as_a_whole_and_in_parts_and_not_fetched_twice(self, model: Hub, folder: Path, capsys):
        assert not store().has(CHECKER)
        assert download(CHECKER) == 0
        asked = list(model.asked)
        assert store().ready(CHECKER)[0] == folder
        assert store().ready(f"{CHECKER}/feature_extractor")[0] == folder / "feature_extractor"
        assert download("safety_checker") == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"safety_checker is installed already: {folder}"
        assert model.asked == asked

    def test_goes_on_where_a_download_broke_off_at_the_same_revision(self, model: Hub, folder: Path, capsys):
        model.patience = 11 * 2**20
        assert "error 503" in refusal(capsys, "checker")
        assert not store().has(CHECKER)
        assert not folder.exists()
        before = fetched(model)
        model.patience = None
        model.revisions[SECOND] = {name: data[::-1] for name, data in model.revisions[FIRST].items()}
        model.asked.clear()
        assert download("checker") == 0
        assert files_in(folder) == NEEDED
        assert {BIG, "safety_checker/config.json"} <= set(before)
        assert "safety_checker/config.json" not in fetched(model), "it had come"
        assert f"/store/{FIRST}/{BIG} bytes={10 * 2**20}-" in model.asked

    @pytest.mark.parametrize("name", [BIG, "feature_extractor/words.txt"])
    def test_is_not_there_when_one_file_is_not_what_the_hub_names(self, name: str, model: Hub, folder: Path, capsys):
        model.arrives[name] = NEEDED[name][:-1] + b"!"
        repository = REGISTRY[CHECKER].hub.name
        assert refusal(capsys, "checker") == f"The download is not the {name} that {repository} names; try again."
        assert not store().has(CHECKER)
        model.arrives.clear()
        assert download("checker") == 0, "the next try begins anew"
        assert files_in(folder) == NEEDED

    @pytest.mark.parametrize("name", [BIG, "feature_extractor/words.txt"])
    def test_that_was_changed_is_refused_and_the_changed_file_is_fetched_again_alone(
        self, name: str, model: Hub, folder: Path
    ):
        assert download("checker") == 0
        (folder / name).write_bytes(b"changed")
        part, other = (f"{CHECKER}/{each}" for each in ("safety_checker", "feature_extractor"))
        if name != BIG:
            part, other = other, part
        assert store().ready(other)[0], "the other part is what it was"
        for key in (CHECKER, part):
            with pytest.raises(ColorizerError, match=f"^The weights in safety_checker/{name} are not what") as said:
                store().ready(key)[0]
        model.asked.clear()
        assert main(str(said.value).removesuffix(".").rpartition("with: colorizers ")[2].split()) == 0
        assert set(fetched(model)) == {name}
        assert files_in(folder) == NEEDED
        assert store().ready(CHECKER)[0]

    def test_with_a_file_too_many_or_too_few_is_refused_and_mended(self, model: Hub, folder: Path):
        assert download("checker") == 0
        (folder / "feature_extractor" / "words.txt").unlink()
        (folder / "safety_checker" / "extra.json").write_text("{}")
        with pytest.raises(ColorizerError, match="are not what was downloaded"):
            store().ready(CHECKER)[0]
        assert download("checker") == 0
        assert files_in(folder) == NEEDED

    def test_that_nobody_downloaded_is_refused(self, model: Hub, folder: Path):
        for name, data in NEEDED.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        with pytest.raises(ColorizerError, match="are not what was downloaded"):
            store().ready(CHECKER)[0]

    def test_that_was_locked_stays_when_the_hub_moves_on(self, model: Hub, folder: Path, capsys):
        assert download("checker") == 0
        shutil.rmtree(folder)
        model.revisions[SECOND] = dict.fromkeys(NEEDED, b"newer")
        assert download("checker") == 0
        assert files_in(folder) == NEEDED
        shutil.rmtree(folder)
        model.revisions = {SECOND: NEEDED}
        assert f"the revision that {folder.parent / LOCK} names; delete its entry there" in refusal(capsys, "checker")

    def test_of_two_downloads_at_once_is_fetched_once(self, model: Hub, folder: Path):
        model.meeting = threading.Barrier(2)
        with ThreadPoolExecutor() as pool:
            assert list(pool.map(download, ["checker"] * 2)) == [0, 0]
        assert files_in(folder) == NEEDED
        assert fetched(model).count("safety_checker/config.json") == 1

    def test_without_safetensors_is_refused(self, model: Hub, folder: Path, capsys):
        for name in (BIG, "safety_checker/model.safetensors"):
            del model.revisions[FIRST][name]
        assert "has no .safetensors file in safety_checker/, and others may hold code" in refusal(capsys, "checker")
        assert fetched(model) == []

    def test_without_one_of_its_folders_is_refused(self, model: Hub, folder: Path, capsys):
        del model.revisions[FIRST]["feature_extractor/preprocessor_config.json"]
        assert "has no feature_extractor/; name another." in refusal(capsys, "checker")
        assert fetched(model) == []

    def test_is_listed_with_its_size_and_where_it_comes_from(self, model: Hub, folder: Path, capsys):
        def row() -> list[str]:
            assert main(["weights", "list"]) == 0
            lines = capsys.readouterr().out.splitlines()
            return re.split(r"  +", next(line for line in lines if line.startswith(CHECKER)))

        assert row()[1:5] == ["-", str(REGISTRY[CHECKER].megabytes), "no", "-"]
        assert row()[-1] == "get them with: colorizers weights download safety_checker"
        assert download("checker") == 0
        capsys.readouterr()
        assert row()[1:6] == ["safety_checker", "16.8", "yes", "-", REGISTRY[CHECKER].hub.name]


CONTROL = {"config.json": b"{}", "diffusion_pytorch_model.safetensors": b"tensors", "control_net.py": b"raise"}
WHOLE = {
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"tensors",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.fp16.safetensors": b"tensors",
    "text_encoder/config.json": b"{}",
    "text_encoder/model.fp16.safetensors": b"tensors",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"a b",
    "scheduler/scheduler_config.json": b"{}",
}


def test_several_weights_come_at_once_and_a_missing_one_is_named_by_one_sentence(hub: Hub, capsys):
    hub.revisions = {FIRST: WHOLE | CONTROL}
    keys = ["stable_diffusion/sd15", "controlnet/depth", "controlnet/lineart"]
    said = str(missing_weights(store().missing([*keys, "stable_diffusion/sd15/unet"])))
    assert said.startswith("The weights sd15 (2134 MB), controlnet_depth (723 MB), controlnet_lineart (723 MB) are not")
    assert main(said.removesuffix(".").rpartition("with: colorizers ")[2].split()) == 0
    assert store().missing(keys) == []
    assert all(store().ready(key)[0] for key in keys)


def test_models_and_controlnets_of_others_are_downloaded_by_their_ids_into_folders_of_their_own(
    hub: Hub, tmp_path: Path
):
    hub.revisions = {FIRST: WHOLE | CONTROL}
    for owner in ("one", "other"):
        named = store().with_model(f"{owner}/dream.v2").with_controlnet(f"{owner}/lines")
        said = str(missing_weights(named.missing([OWN, "controlnet/depth"])))
        command = f"weights download --model {owner}/dream.v2 --controlnet {owner}/lines"
        assert said == (
            f"The weights {owner}/dream.v2, {owner}/lines are not installed; get them with: colorizers {command}."
        )
        assert hub.asked == [], "only a download asks"
        assert main(command.split()) == 0
        hub.asked.clear()
        assert named.ready(OWN)[0] == tmp_path / "cache" / "weights" / f"stable_diffusion_{owner}--dream.v2"
        assert named.ready("controlnet/depth")[0].name == f"controlnet_{owner}--lines"
        assert hub.asked == []


def test_a_model_that_is_a_path_need_not_be_downloaded(hub: Hub, tmp_path: Path, capsys):
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"tensors")
    assert download("--model", str(path)) == 0
    assert capsys.readouterr().out == f"own is installed already: {path}\n"
    assert main(["weights", "list", "--model", str(path)]) == 2


def test_one_file_of_several_is_fetched_where_the_registry_names_it(hub: Hub, tmp_path: Path):
    name = "dpt_hybrid-midas-501f0c75.pt"
    hub.revisions[FIRST] |= {name: b"depth", "other.pt": b"edges"}
    assert download("midas") == 0
    assert (tmp_path / "cache" / "weights" / "depth_midas.pt").read_bytes() == b"depth"
    assert store().ready("depth/midas")[0]


def test_a_revision_that_the_registry_names_is_fetched(hub: Hub):
    hub.names["refs/pr/5"] = SECOND
    hub.revisions = {SECOND: {"config.json": b"{}", "model.safetensors": b"depth"}, FIRST: {"config.json": b"{}"}}
    assert download("dpt") == 0
    assert (store().ready("depth/dpt")[0] / "model.safetensors").read_bytes() == b"depth"
