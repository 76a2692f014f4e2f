"""Gradio without stubs: at each start it would parse the source of every component and write a .pyi beside it."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType


class _WithoutStubs(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        vars(module)["create_or_modify_pyi"] = lambda *component: None


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(name, path) if name == "gradio.component_meta" else None
        if found is not None and found.origin is not None:
            found.loader = _WithoutStubs(name, found.origin)
        return found


def do_without_stubs() -> None:
    """For a process that is to import Gradio: it does not write into the folder of its package, and takes less long."""
    sys.meta_path.insert(0, _Finder())
