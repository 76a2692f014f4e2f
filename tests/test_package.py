"""The package as others install it: what it declares, what is in its wheel, and that it works away from this folder."""

import ast
import importlib.metadata
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from colorizers.settings import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def imported() -> set[str]:
    """The top names of all other packages that the package imports, wherever in a module."""
    nodes = [node for path in (PROJECT / "colorizers").rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"colorizers"}


def test_every_import_is_declared_and_nothing_else_is_asked_for():
    providers = importlib.metadata.packages_distributions()
    found = {canonicalize_name(providers.get(name, [name])[0]) for name in imported()}
    optional = DECLARED["optional-dependencies"]
    extra = requirements([each for name in ("heic", "metrics", "openvino", "ray") for each in optional[name]])
    assert found - extra.keys() == requirements(DECLARED["dependencies"]).keys()


def test_the_exact_versions_are_in_the_declared_ranges():
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    exact = requirements([line for line in lines if line and not line.startswith("#")])
    ranges = requirements(DECLARED["dependencies"])
    assert exact.keys() == ranges.keys()
    for name, requirement in exact.items():
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        assert ranges[name].specifier.contains(pin.version), name


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(folder: Path, *what: str | Path) -> Path:
    """A fresh environment, with the dependencies of this one but not its colorizers; gives its folder of programs."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    # Lines in such a file are folders to look into; .pth files in those, as that of an editable install, do not count.
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    pip = [sys.executable, "-m", "pip", "--python", folder, "install", "-q", "--no-deps", "--no-build-isolation"]
    run(*pip, *what, cwd=folder.parent)
    return folder / "bin"


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that is deleted at the end: wheels are large."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.mark.slow
def test_an_installed_wheel_colors_a_photo_in_any_folder(folder: Path, tmp_path: Path):
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, PROJECT]
    run(*wheel, cwd=folder)
    programs = installed(folder / "environment", *folder.glob("*.whl"))
    Image.linear_gradient("L").resize((48, 64)).save(tmp_path / "aunt.png")
    run(programs / "colorizers", "colorize", "aunt.png", "-o", "colored.png", cwd=tmp_path)
    code = """
import colorizers
from colorizers import assets
print(colorizers.__file__)
colorizers.colorize("aunt.png")[0].image().save("again.png")
print(len(list(assets.TEST_IMAGES.rglob("*.jpg"))))
"""
    place, pictures = run(programs / "python", "-c", code, cwd=tmp_path).split()
    assert Path(place).is_relative_to(programs.parent), "not the source tree's"
    assert int(pictures) == len(list((PROJECT / "test_images").rglob("*.jpg")))
    colored = Image.open(tmp_path / "colored.png").convert("RGB")
    assert len(set(colored.resize((1, 1)).getpixel((0, 0)))) > 1, "in color"
    assert colored.tobytes() == Image.open(tmp_path / "again.png").tobytes()


@pytest.mark.slow
def test_an_editable_install_uses_the_weights_where_they_are(tmp_path: Path):
    programs = installed(tmp_path / "environment", "-e", PROJECT)
    code = "from colorizers import assets; print(assets.WEIGHTS, assets.TEST_IMAGES)"
    places = run(programs / "python", "-c", code, cwd=tmp_path).split()
    assert places == [str(PROJECT / "weights"), str(PROJECT / "test_images")]
    assert not list(programs.parent.rglob("*.safetensors"))
