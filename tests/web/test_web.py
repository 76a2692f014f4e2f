"""The web app as programs see it: a live server, its endpoints, its limits."""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import as_completed, wait
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from hostile_files import CHOSEN, FILES, NAMES, OPENED, good
from PIL import Image
from web_requests import answer_of, handlers_of, page_event
from web_server import Server, running_server

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.methods.catalog import METHODS
from colorizers.options import controls
from colorizers.picture.dataset import REFERENCES
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT, get_settings
from colorizers.web import shipped
from colorizers.web.api_answers import answers_of
from colorizers.web.blocks import build_page

METHODS_WITHOUT_PICTURES = [
    name
    for name, method in METHODS.items()
    if not method.info.slow_on_cpu and not any(entry.kind == "picture" for entry in controls(method.info.options))
]
HEAVY = {"diffusers", "transformers", "controlnet_aux", "torchvision.models", "ray"}


@pytest.fixture
def photo(tmp_path: Path, gray_pixels: np.ndarray) -> Path:
    """A gray photo 64x48 on disk."""
    path = tmp_path / "grandmother.png"
    Image.fromarray(gray_pixels).save(path)
    return path


def test_a_photo_comes_back_in_colour_at_full_size_with_its_own_light(client: Client, photo: Path) -> None:
    files, records = client.predict(photo=handle_file(photo), api_name="/colorize_unet")
    original, coloured = Photo.open(photo), Photo.open(files[0])
    assert coloured.size == original.size
    assert coloured.rgb is not None
    difference = (coloured.lightness - original.lightness).abs()
    assert difference.max() <= 0.5
    assert difference.mean() <= 0.15
    assert records[0]["method"] == "unet"
    assert records[0]["input_sha256"] == original.sha256
    assert Path(files[0]).name == "grandmother_unet.png"


def test_the_general_endpoint_takes_options_and_finish_as_json(client: Client, photo: Path) -> None:
    finish = json.dumps({"color_strength": 0})
    files, records = client.predict(
        handle_file(photo), "unet", json.dumps({"vividness": 1}), finish, api_name="/colorize"
    )
    assert Photo.open(files[0]).rgb is None
    assert records[0]["options"]["vividness"] == 1
    assert records[0]["finish"]["color_strength"] == 0


def test_a_second_picture_and_variants_go_through_the_methods_own_endpoint(
    client: Client, photo: Path, tmp_path: Path
) -> None:
    reference = tmp_path / "red.png"
    Image.new("RGB", (8, 8), (200, 40, 40)).save(reference)
    files, records = client.predict(
        photo=handle_file(photo), reference=handle_file(reference), variants=2, seed=7, api_name="/colorize_trivial"
    )
    assert [record["options"]["seed"] for record in records] == [7, 8]
    assert [Path(file).name for file in files] == ["grandmother_trivial_1.png", "grandmother_trivial_2.png"]
    red, _, blue = np.asarray(Image.open(files[0])).reshape(-1, 3).mean(0)
    assert red > blue + 20
    assert records[0]["pictures"]["reference"] == Photo.open(reference).sha256


def test_two_visitors_at_once_both_get_their_own_photo(server: Server, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "harbour.png"
    Image.linear_gradient("L").resize((40, 90)).save(other)
    clients = [Client(server.url, verbose=False) for _ in range(2)]
    jobs = [
        one.submit(photo=handle_file(path), api_name="/colorize_unet")
        for one, path in zip(clients, (photo, other), strict=True)
    ]
    sizes = [Photo.open(job.result(timeout=120)[0][0]).size for job in jobs]
    assert sizes == [(64, 48), (40, 90)]


def test_a_cancelled_job_frees_the_device(server: Server, client: Client, photo: Path) -> None:
    server.gate.hold()
    job = client.submit(photo=handle_file(photo), steps=100, api_name="/colorize_trivial")
    assert server.gate.reached.wait(60)
    job.cancel()
    other = client.submit(photo=handle_file(photo), api_name="/colorize_trivial")
    steps = 0
    while not other.done():
        server.gate.let_through(1)
        wait([other.future], timeout=0.1)
        steps += 1
    server.gate.open()
    assert Photo.open(other.result()[0][0]).size == (64, 48)
    assert steps < 100, "the device was kept to the end"


def test_full_size_files_that_nobody_waits_for_are_not_made(
    engine: Engine, gray_photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answers = answers_of(engine, "trivial", lambda: JobRequest(gray_photo, "trivial", {"variants": 4}))
    for files, _ in answers:
        assert files == []
        if made := list(tmp_path.rglob("*.png")):
            break
    assert len(made) == 1
    answers.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_more_visitors_than_the_queue_holds_are_told_so_and_the_others_are_served(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, photo: Path
) -> None:
    monkeypatch.setenv("COLORIZERS_QUEUE_SIZE", "1")
    get_settings.cache_clear()
    request.addfinalizer(get_settings.cache_clear)
    with running_server() as server:
        server.gate.hold()
        client = Client(server.url, verbose=False)
        jobs = [client.submit(photo=handle_file(photo), api_name="/colorize_trivial") for _ in range(12)]
        first_refused = next(job for job in as_completed([job.future for job in jobs], timeout=120) if job.exception())
        assert "full" in str(first_refused.exception())
        server.gate.open()
        served = [job for job in jobs if not job.exception(timeout=120)]
        assert served
        assert all(len(job.result()[0]) == 1 for job in served)


def test_previews_wait_in_the_queue_two_are_composed_at_once(server: Server) -> None:
    page = build_page(make_engine())
    composing = [
        handler
        for handler in page.fns.values()
        if getattr(handler.fn, "__name__", "") in ("refinish", "choose", "opened", "undo", "reset", "use_look")
    ]
    assert composing
    assert {handler.queue for handler in composing} == {True}
    assert {(handler.concurrency_id, handler.concurrency_limit) for handler in composing} == {("finish", 2)}
    (handler, *_) = handlers_of(server, "select", 1)
    sent = {"data": [None], "fn_index": handler, "session_hash": "x", "event_data": {"index": 0}}
    direct = httpx.post(f"{server.url}/gradio_api/run/predict", json=sent)
    assert direct.status_code == 404, "no way beside the queue"


def colored(server: Server, data: bytes, name: str) -> tuple[str, str]:
    """The last event of a raw request to colour a file, and all that was told."""
    (path,) = httpx.post(f"{server.url}/gradio_api/upload", files={"files": (name, data)}).json()
    photo = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    told = answer_of(server, "colorize", [photo, "trivial", "{}", "{}", "[]", "png"])
    return re.findall(r"event: (\w+)", told)[-1], told


def test_each_hostile_file_is_refused_in_one_sentence_and_the_app_goes_on(server: Server) -> None:
    for name in CHOSEN:
        event, told = colored(server, FILES[name](), "photo.png")
        assert event == ("complete" if name in OPENED else "error"), told
        if event == "error":
            sentence = json.loads(told.rpartition("data: ")[2])["error"]
            assert re.fullmatch(r"photo\.png [^/\n]+\.", sentence), sentence
            assert "Traceback" not in told
    assert colored(server, good(), "photo.png")[0] == "complete"
    assert httpx.get(f"{server.url}/healthz").status_code == 200


@pytest.mark.parametrize("name", NAMES[:4] + NAMES[6:18:3])
def test_a_hostile_name_is_saved_under_a_clean_one(server: Server, name: str) -> None:
    event, told = colored(server, good(), name)
    assert event == "complete"
    files, _ = json.loads(told.rpartition("data: ")[2])
    assert re.fullmatch(r"\w[\w.-]*_trivial\.png", Path(files[0]["path"]).name)


@pytest.mark.parametrize(
    "forged",
    [
        "/etc/passwd",
        {"path": "/etc/passwd"},
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        {"path": str(PROJECT / "weights" / "unet_efficientnet.safetensors"), "meta": {"_type": "gradio.FileData"}},
        {"path": "http://127.0.0.1:9/photo.png", "meta": {"_type": "gradio.FileData"}},
    ],
)
def test_no_endpoint_reads_a_file_that_was_not_uploaded(server: Server, forged: object) -> None:
    answer = answer_of(server, "colorize", [forged, "unet", "{}", "{}"])
    assert "event: error" in answer
    assert "event: complete" not in answer


@pytest.mark.parametrize(
    ("event", "data", "chosen", "opens"),
    [
        ("select", [], {"index": 0, "value": None}, True),
        ("select", [], {"index": "/etc/passwd", "value": {"image": {"path": "/etc/passwd"}}}, False),
        ("upload", [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], None, False),
    ],
)
def test_a_picture_option_opens_uploads_and_the_shipped_photographs_alone(
    server: Server, event: str, data: list, chosen: dict | None, opens: bool
) -> None:
    handlers = handlers_of(server, event, len(data))
    assert handlers
    assert all(page_event(server, handler, data, chosen)["success"] == opens for handler in handlers)


@pytest.mark.slow
@pytest.mark.parametrize("data", [[], [None]], ids=["picture options", "photos and variants"])
def test_what_cannot_be_selected_is_refused_in_one_sentence(
    server: Server, data: list, capfd: pytest.CaptureFixture[str]
) -> None:
    handlers = handlers_of(server, "select", len(data))
    assert len(handlers) > 1
    for sent in (*({"index": index} for index in (-1, 10**40, True, "0", [0])), {}, None):
        told = [page_event(server, handler, data, sent)["output"]["error"] for handler in handlers]
        assert set(told) == {"That picture is no longer here; choose another."}, sent
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "path", ["/etc/passwd", PROJECT / "app.py", PROJECT / "weights" / "unet_efficientnet.safetensors"]
)
def test_the_server_gives_no_file_away(server: Server, path: Path) -> None:
    assert httpx.get(f"{server.url}/gradio_api/file={path}").status_code in (403, 404)


@pytest.mark.parametrize(
    ("endpoint", "wrong", "sentence"),
    [
        ("/colorize_unet", {"vividness": 7}, "Vividness must be a number from 0 to 1."),
        ("/colorize_unet", {"working_size": 100_000}, "Working size must be a whole number from"),
        ("/colorize_unet", {"warmth": -3}, "Warmth must be a number from -1 to 1."),
        ("/colorize_trivial", {"variants": 1000}, "Variants must be a whole number from 1 to 10."),
        ("/colorize_trivial", {"seed": -1}, "Seed must be a whole number from 0 to"),
        ("/colorize", {"method": "unet", "options_json": '{"path": "/etc/passwd"}'}, "Unknown option"),
        ("/colorize", {"method": "unet", "options_json": '{"vividness": NaN}'}, "Vividness must be a number"),
        ("/colorize", {"method": "unet", "options_json": "[1]"}, "options_json must be a JSON object"),
        ("/colorize", {"method": "unet", "finish_json": " " * 20_000 + "{}"}, "finish_json must be a JSON object"),
        ("/colorize", {"method": "trivial", "options_json": '{"reference": "/etc/passwd"}'}, "must be a picture."),
        ("/colorize", {"method": "unet", "finish_json": '{"warmth": 3}'}, "Warmth must be a number from -1 to 1."),
        ("/colorize", {"method": "unet", "finish_json": '{"gamma": 3}'}, "Unknown option .*gamma"),
        ("/colorize_gan", {"weights": "../secret"}, "Network must be one of efficientnet, unet."),
        ("/colorize_img2img", {"prompt": "red " * 500}, "Prompt must be a text of at most 1000 characters."),
        ("/colorize_img2img", {"weights": "stabilityai/sdxl-turbo"}, "Model must be one of small, sd15, sd14, own."),
        ("/colorize_img2img", {"start_from": "/etc/passwd"}, "Start from must be one of gray, unet, "),
        ("/colorize_controlnet", {"control_by": "lllyasviel/sd"}, "Control by must be one of depth, brightness, "),
        ("/colorize_controlnet", {"estimator": "../midas"}, "Depth estimator must be one of midas, "),
        ("/colorize_controlnet", {"control_scale": 9}, "Control scale must be a number from 0 to 2."),
        ("/colorize", {"method": "img2img", "options_json": '{"model": "/home/own"}'}, "Unknown option .*model"),
        ("/colorize", {"method": "../unet"}, "There is no method"),
    ],
)
def test_every_option_is_checked_at_the_endpoint(
    client: Client, photo: Path, endpoint: str, wrong: dict, sentence: str
) -> None:
    with pytest.raises(Exception, match=sentence):
        client.predict(photo=handle_file(photo), api_name=endpoint, **wrong)


STRANGE = (
    "", "\0", "null", "[" * 9000, '{"a":' * 1500, "x" * 10**5, '{"steps": NaN}', '{"steps": 1e999}', '{"steps": [1]}',
    '{"steps": {"a": 1}}', '{"steps": "\\ud800"}', '{"\\ud800": 1}', '{"\\u0000": 1}', '{"<img src=x>": 1}',
    f'{{"seed": 1{"0" * 400}}}', '{"reference": "http://127.0.0.1:9/a.png"}', {"steps": 2}, [], 7, None, True,
)  # fmt: skip


def test_strange_options_are_refused_in_one_sentence(server: Server) -> None:
    (path,) = httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("photo.png", good())}).json()
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for strange in STRANGE:
        told = answer_of(server, "colorize", [photo, "trivial", strange, "{}", "[]", "png"])
        assert "event: error" in told, strange
        sentence = json.loads(told.rpartition("data: ")[2])["error"]
        assert re.fullmatch(r"[^\n]{10,300}\.", sentence), sentence
        sentence.encode()
    assert colored(server, good(), "photo.png")[0] == "complete"


def test_only_the_endpoints_for_programs_are_shown(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    typed = {f"/colorize_{name}" for name in (*METHODS, "trivial", "transfer")}
    assert set(api["named_endpoints"]) == {"/colorize", "/compare", "/batch", "/finish", "/methods", *typed}
    assert not api["unnamed_endpoints"]
    parameters = api["named_endpoints"]["/colorize_unet"]["parameters"]
    assert parameters[0]["parameter_name"] == "photo"
    assert {"vividness", "color_strength", "luminance_lock"} <= {p["parameter_name"] for p in parameters}


def test_the_description_of_the_api_says_what_each_parameter_means(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    unet = {entry.name: entry for entry in controls(METHODS["unet"].info.options)}
    for endpoint in endpoints.values():
        for parameter in endpoint["parameters"]:
            assert parameter["label"] == parameter["parameter_name"]
            assert len(parameter["python_type"]["description"]) >= len("The photo."), parameter
    told = {p["label"]: p["python_type"]["description"] for p in endpoints["/colorize_unet"]["parameters"]}
    assert str(unet["vividness"].help) in told["vividness"]


def test_no_endpoint_of_a_method_takes_a_path_or_the_name_of_a_model_on_a_hub(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name, method in METHODS.items():
        told = {p["parameter_name"]: p["type"] for p in endpoints[f"/colorize_{name}"]["parameters"]}
        free = {option for option, kind in told.items() if kind.get("type") == "string" and "enum" not in kind}
        assert free <= {"prompt", "negative_prompt", "hints_json"}, (
            "words that a model reads, and what has which colour"
        )
        choices = {entry.name: list(entry.choices) for entry in controls(method.info.options) if entry.kind == "choice"}
        assert {option: told[option]["enum"] for option in choices} == choices
    assert told_models(endpoints["/colorize_controlnet"]) == ["small", "sd15", "sd14", "own"]


def told_models(endpoint: dict) -> list[str]:
    """The weights that an endpoint lets a program choose from."""
    (entry,) = (p for p in endpoint["parameters"] if p["parameter_name"] == "weights")
    return entry["type"]["enum"]


def test_a_method_of_several_networks_is_told_by_their_names_and_a_word_on_each(client: Client, photo: Path) -> None:
    schema = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/colorize_gan"]
    assert told_models(schema) == ["efficientnet", "unet", "deoldify_artistic", "deoldify_stable", "deoldify_video"]
    _, records = client.predict(photo=handle_file(photo), weights="unet", api_name="/colorize_gan")
    assert list(records[0]["weights"]) == ["gan/unet"]


@pytest.mark.parametrize("name", METHODS_WITHOUT_PICTURES)
def test_what_is_left_out_is_the_methods_own_finish(client: Client, photo: Path, name: str) -> None:
    own = METHODS[name].info.finish.model_dump()
    schema = client.view_api(return_format="dict", print_info=False)["named_endpoints"][f"/colorize_{name}"]
    defaults = {p["parameter_name"]: p["parameter_default"] for p in schema["parameters"] if p["parameter_has_default"]}
    assert {defaults[finish] for finish in own} == {None}
    quick = {"variants": 1, "samples_per_result": 1, "steps": 2} if name == "diffusion" else {}
    _, typed = client.predict(photo=handle_file(photo), warmth=0.3, **quick, api_name=f"/colorize_{name}")
    given = (json.dumps(quick), json.dumps({"warmth": 0.3}))
    _, general = client.predict(handle_file(photo), name, *given, api_name="/colorize")
    assert typed[0]["finish"] == general[0]["finish"] == own | {"warmth": 0.3}


def test_a_painting_keeps_its_own_light_unless_the_photos_is_asked_for(client: Client, photo: Path) -> None:
    how = {"mode": "artistic", "steps": 1, "working_size": 64, "api_name": "/colorize_style"}
    for asked, lock in (({}, 0.0), ({"luminance_lock": 1}, 1.0)):
        reference = handle_file(PROJECT / "test_images" / "coffee.jpg")
        _, records = client.predict(photo=handle_file(photo), reference=reference, **how, **asked)
        assert records[0]["finish"]["luminance_lock"] == lock


def test_weights_that_are_not_here_are_named_in_one_sentence(photo: Path, no_weights: None) -> None:
    with running_server() as server:
        client = Client(server.url, verbose=False)
        with pytest.raises(
            Exception,
            match=r"^The weights cnn_bins.safetensors are not installed; put them into weights/ or COLORIZERS_W\w+\.$",
        ):
            client.predict(photo=handle_file(photo), api_name="/colorize_cnn")
        client.close()


@pytest.mark.parametrize("public", [False, True])
def test_a_page_names_the_weights_that_are_not_here_and_tells_no_stranger_to_run_commands(
    public: bool, no_weights: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "transformer_ddcolor_large.bin").touch()
    monkeypatch.setenv("COLORIZERS_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("COLORIZERS_PUBLIC", str(public))
    get_settings.cache_clear()
    page = json.dumps(build_page(make_engine(METHODS)).get_config_file(), default=str)
    how = "get them with: colorizers weights download ddcolor_tiny, and so on"
    assert (f"Not installed: small, ddcolor_tiny, ddcolor_artistic; {how}." in page) != public
    assert ("colorizers weights download" in page) != public
    assert ("DDColor, lighter (not installed)" in page) != public
    assert "DDColor, at its best (not installed)" not in page


def test_pictures_made_to_be_references_are_offered_after_the_originals_and_are_not_to_be_coloured() -> None:
    made = {path for path in shipped.references() if path.parent.name == REFERENCES}
    assert made
    assert shipped.references()[-len(made) :] == tuple(sorted(made))
    assert all(path.with_stem(f"{path.stem}_gray") in shipped.gray_photos() for path in {*shipped.references()} - made)
    assert not {path.name for path in made} & {path.name for path in shipped.gray_photos()}


def test_a_shipped_picture_that_cannot_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "boat_gray.jpg").write_bytes(FILES["a Git LFS pointer"]())
    (tmp_path / "cat_gray.jpg").write_bytes(good("JPEG"))
    monkeypatch.setattr(shipped, "TEST_IMAGES", tmp_path)
    assert [path.name for path in shipped.gray_photos()] == ["cat_gray.jpg"]
    assert shipped.references() == ()


@pytest.mark.slow
def test_the_app_starts_behind_a_proxy_that_knows_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "intranet.example")
    with running_server() as server:
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert "intranet.example" in os.environ["no_proxy"]


def test_healthz_says_what_runs(server: Server, client: Client, photo: Path) -> None:
    client.predict(photo=handle_file(photo), api_name="/colorize_unet")
    health = httpx.get(f"{server.url}/healthz").json()
    assert health["version"]
    assert health["device"] in ("cpu", "cuda", "mps")
    assert "unet/efficientnet" in health["pool"]["models"]


def test_starting_the_app_touches_no_stubs_of_gradio() -> None:
    program = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
import colorizers.web
print(any("gradio" in path for path in opened), [path for path in opened if path.endswith(".pyi")])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True []"]


def test_starting_the_app_imports_nothing_heavy_and_turns_telemetry_off() -> None:
    program = f"""
import app, colorizers.web, os, sys
print(sorted({HEAVY!r} & set(sys.modules)))
print(os.environ["GRADIO_ANALYTICS_ENABLED"], os.environ["HF_HUB_DISABLE_TELEMETRY"])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "False 1"]
