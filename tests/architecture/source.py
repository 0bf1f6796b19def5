"""The project's own source as data: files, modules, imports, functions."""

from __future__ import annotations

import ast
import functools
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent.parent


class Import(NamedTuple):
    """One imported name. ``target`` is absolute: the module, or ``module.name`` of a ``from`` import."""

    target: str
    line: int
    in_function: bool
    for_types_only: bool


class Module(NamedTuple):
    """One module of the package."""

    name: str
    path: Path
    tree: ast.Module


@functools.cache
def project_files() -> list[Path]:
    """Every file that git tracks or would track, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted(Path(name) for name in names if name and (ROOT / name).is_file())


@functools.cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file given relative to the root."""
    return ast.parse((ROOT / path).read_bytes(), filename=str(path))


def python_files(*tops: str) -> list[Path]:
    """Python files, of all or of these top directories."""
    return [path for path in project_files() if path.suffix == ".py" and (not tops or path.parts[0] in tops)]


@functools.cache
def modules() -> dict[str, Module]:
    """The package's modules by dotted name."""
    found = {}
    for path in python_files("src"):
        parts = list(path.with_suffix("").parts[1:])
        if parts[-1] == "__init__":
            parts.pop()
        name = ".".join(parts)
        found[name] = Module(name, path, parse(path))
    return found


def component(name: str) -> str:
    """The part of the package that a dotted name belongs to: ``homeport.storage.sqlite`` to ``storage``."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(module: Module) -> list[Import]:
    """All imports of a module, wherever in it they stand."""
    return list(_imports(module, module.tree, in_function=False, for_types_only=False))


def _imports(module: Module, node: ast.AST, *, in_function: bool, for_types_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for target in _targets(module, child):
                yield Import(target, child.lineno, in_function, for_types_only)
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            yield from _imports(module, child, in_function=in_function, for_types_only=True)
        else:
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(module, child, in_function=inside, for_types_only=for_types_only)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _targets(module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        package = module.name.split(".")
        is_package = module.path.name == "__init__.py"
        above = package[: len(package) - node.level + is_package]
        base = ".".join([*above, *([base] if base else [])])
    yield from (base if alias.name == "*" else f"{base}.{alias.name}" for alias in node.names)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file. Expressions have none, and are most of what a tree holds."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        inner = (ast.stmt, ast.ExceptHandler, ast.match_case)
        left += [child for child in ast.iter_child_nodes(node) if isinstance(child, inner)]
