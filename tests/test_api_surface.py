import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from PIL import Image

import colorizers
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS
from colorizers.options import controls
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT

PACKAGE = PROJECT / "colorizers"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"gradio", "diffusers", "transformers", "controlnet_aux", "ray", "torchvision.models", "accelerate"}

# A module may import from its own layer and from those after it; `training` and `evaluation` are judged apart.
LAYERS = (
    ("colorizers.__main__", "colorizers.commands"),
    ("colorizers.web", "colorizers.evaluation"),
    ("colorizers", "colorizers.engine"),
    ("colorizers.methods",),
    ("colorizers.pool",),
    ("colorizers.weights",),
    ("colorizers.networks",),
    ("colorizers.picture", "colorizers.options"),
    ("colorizers.devices", "colorizers.threads"),
    ("colorizers.settings", "colorizers.errors", "colorizers.assets"),
    ("colorizers.words",),
)


def name_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it, but for the type checker."""
    found, todo = set(), [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name_of(module) for module in MODULES}
            found |= (names & known) or ({node.module} - {"colorizers"})  # the version is everybody's
        todo += [child for child in ast.iter_child_nodes(node) if not is_type_checking(child)]
    return found


def layer_of(module: str) -> int:
    """The place of a module in LAYERS, by the longest name that fits."""
    fits = [
        (len(name), place)
        for place, names in enumerate(LAYERS)
        for name in names
        if module == name or (module.startswith(f"{name}.") and name != "colorizers")
    ]
    assert fits, f"{module} is in no layer"
    return max(fits)[1]


def belongs(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(code: str) -> set[str]:
    modules = set(run(f"{code}\nimport sys\nprint(*sys.modules)").split())
    return {name for name in HEAVY if name in modules}


def test_the_public_names_are_these():
    assert sorted(colorizers.__all__) == ["ColorizerError", "Finish", "Photo", "Result", "colorize", "method_names"]
    assert colorizers.method_names()[0] == "unet"
    assert colorizers.__version__


def test_importing_the_package_needs_nothing_heavy():
    assert loaded_by("import colorizers") == set()
    assert "torch" not in run("import colorizers, sys; print(*(name for name in sys.modules if name == 'torch'))")


def test_the_engine_needs_nothing_heavy():
    assert loaded_by("import colorizers.engine, colorizers.picture.result, colorizers.methods.catalog") == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards_only(path: Path):
    module = name_of(path)
    ours = {name for name in imports_of(path) if belongs(name, "colorizers")}
    if belongs(module, "colorizers.training"):
        allowed = (
            "training",
            "networks",
            "picture",
            "evaluation.metrics",
            "weights",
            "options",
            "settings",
            "errors",
            "devices",
            "words",
        )
        assert all(any(belongs(name, f"colorizers.{package}") for package in allowed) for name in ours), ours
        return
    if module == "colorizers.evaluation.metrics":
        ours_below = {name for name in ours if belongs(name, "colorizers.picture")}
        assert ours == ours_below, "training stands on it"
    for name in ours - {module}:
        if belongs(name, "colorizers.training"):
            assert layer_of(module) == 0, "nothing below the command line imports training code"
        else:
            assert layer_of(name) >= layer_of(module), f"{module} imports {name}"


def test_no_two_modules_import_each_other():
    at_import = {name_of(path): imports_at_top(path) for path in MODULES}
    for start in at_import:
        seen, todo = set(), list(at_import[start])
        while todo:
            name = todo.pop()
            assert name != start, f"{start} imports itself in a circle"
            if name in at_import and name not in seen:
                seen.add(name)
                todo += at_import[name]


def imports_at_top(path: Path) -> set[str]:
    """Our modules that are imported while a file is."""
    tree = ast.parse(path.read_text())
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    module = ast.unparse(ast.Module(nodes, []))
    known = {name_of(each) for each in MODULES}
    found = set()
    for node in ast.parse(module).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) or ({node.module} - {"colorizers"})
    return found & known


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_web_package_knows_gradio(path: Path):
    knows = any(belongs(name, "gradio") for name in imports_of(path))
    assert not knows or belongs(name_of(path), "colorizers.web")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_networks_know_no_files_and_no_devices(path: Path):
    if belongs(name_of(path), "colorizers.networks"):
        allowed = (
            "torch",
            "math",
            "collections",
            "typing",
            "dataclasses",
            "functools",
            "itertools",
            "colorizers",
            "torchvision",
        )
        assert all(any(belongs(name, package) for package in allowed) for name in imports_of(path))


def test_one_call_colours_a_photo(gray_pixels: np.ndarray, tmp_path: Path):
    path = tmp_path / "aunt.png"
    path.write_bytes(encoded(Image.fromarray(gray_pixels)))
    for photo in (path, str(path), path.read_bytes()):
        results = colorizers.colorize(photo, finish=Finish(color_strength=1.2), vividness=0.7)
        assert len(results) == 1
        pixels = results[0].pixels()
        assert pixels.shape == (48, 64, 3)
        assert (pixels.max(-1) != pixels.min(-1)).any(), "in colour"
    assert results[0].record.options["vividness"] == 0.7
    assert results[0].record.weights["unet/efficientnet"]
    assert np.array_equal(
        pixels, colorizers.colorize(path, finish=Finish(color_strength=1.2), vividness=0.7)[0].pixels()
    )


def test_a_finish_changes_what_it_names_of_the_methods_own(gray_photo: Photo):
    def finish(wanted: Finish | dict | None) -> Finish:
        return colorizers.colorize(gray_photo, "img2img", finish=wanted)[0].finish

    assert finish(None) == METHODS["img2img"].info.finish == Finish(color_strength=0.8)
    assert finish({"warmth": 0.2}) == Finish(color_strength=0.8, warmth=0.2)
    assert finish({"color_strength": 1.1}) == Finish(color_strength=1.1)
    assert finish(Finish(warmth=0.2)) == Finish(warmth=0.2), "a whole finish is taken as it is"


@pytest.mark.parametrize(
    "options", [{"method": "nothing"}, {"vividness": 7}, {"unknown": 1}, {"seed": 3}, {"finish": {"warmth": 9}}]
)
def test_one_call_refuses_what_cannot_be(options: dict, gray_photo):
    with pytest.raises(ColorizerError):
        colorizers.colorize(gray_photo, **options)


@pytest.mark.parametrize("size", [(1, 1), (4000, 10), (10, 4000), (7, 3)])
def test_every_shipped_method_colours_every_size(size: tuple[int, int]):
    data = encoded(Image.linear_gradient("L").resize(size))
    reference = encoded(Image.new("RGB", (8, 8), (200, 40, 40)))
    for name, method in METHODS.items():
        if method.info.slow_on_cpu:
            continue  # its weights are not shipped
        pictures = {entry.name: reference for entry in controls(method.info.options) if entry.kind == "picture"}
        quick = {"steps": 2} if "steps" in method.info.options.model_fields else {}
        assert colorizers.colorize(data, name, **pictures, **quick)[0].pixels().shape == (size[1], size[0], 3)


@pytest.mark.slow
def test_a_photo_of_24_megapixels_stays_under_2_gigabytes_of_memory(tmp_path: Path):
    Image.linear_gradient("L").resize((6000, 4000)).convert("RGB").save(tmp_path / "large.jpg")
    code = f"""
        from pathlib import Path
        from colorizers import colorize
        colorize({str(tmp_path / "large.jpg")!r})[0].save(Path({str(tmp_path / "out.jpg")!r}))
        print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
    """
    kilobytes = int(run(textwrap.dedent(code)).split()[1])
    assert Image.open(tmp_path / "out.jpg").size == (6000, 4000)
    assert kilobytes < 2_000_000
