"""The directions of dependency, as the design draws them.

``LAYERS`` is that drawing in code: for each part of the package, the parts and the foreign distributions it may
import. A part that is not listed is refused, so that a new one gets its line here.
"""

from __future__ import annotations

import ast
import graphlib
import sys
from typing import Final, NamedTuple

import pytest

from tests.architecture.source import Import, Module, component, imports, modules

ANYTHING: Final = frozenset({"*"})


class Layer(NamedTuple):
    """What one part of the package may import besides the standard library."""

    parts: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()


def layer(parts: str = "", foreign: str = "") -> Layer:
    """A layer from two lists of words."""
    return Layer(frozenset(parts.split()), frozenset(foreign.split()))


# What both halves stand on: values, errors, and the few file operations that must be done one way only.
CORE: Final = "contract errors secret"
GROUND: Final = "contract errors secret files datalock identity database_url whereabouts"

LAYERS: Final = {
    "": layer(),
    "contract": layer(),
    "errors": layer("contract"),
    "secret": layer(),
    "files": layer(),
    "datalock": layer("contract errors files"),
    "identity": layer("contract errors files datalock"),
    "database_url": layer(),
    "whereabouts": layer("contract errors secret files database_url"),
    # The environments half.
    "environments": layer(f"{CORE} database_url", "pydantic pydantic_core tomlkit"),
    "host": layer(
        f"{GROUND} environments",
        "crossplane prometheus_client psutil obstore pyrage pysqlite3 watchfiles zstandard",
    ),
    # What clients are told, and where this program is a client itself: no part of either half.
    "clients": layer(CORE, "tomlkit"),
    "outbound": layer(f"{CORE} clients", "anyio httpx2 mcp mcp_types"),
    # The coordination half.
    "coordination": layer(CORE),
    "operations": layer(f"{CORE} coordination", "pydantic pydantic_core orjson"),
    "storage": layer(f"{GROUND} coordination", "pysqlite3 psycopg psycopg_pool sqlalchemy alembic orjson"),
    "exchange": layer(f"{GROUND} coordination", "orjson"),
    "transports": layer(
        f"{CORE} operations coordination clients",
        "anyio jinja2 markdown_it markupsafe mcp mcp_types nh3 orjson prometheus_client pydantic"
        " sse_starlette starlette uvicorn",
    ),
    "server": layer(
        f"{GROUND} transports operations coordination storage exchange",
        "anyio httptools httpx2 orjson starlette uvicorn uvloop",
    ),
    # The one place that sees both halves, and its door.
    "cli": Layer(ANYTHING, ANYTHING),
    "__main__": layer("cli"),
}

# Pure parts: nothing in them runs, reads, waits or asks the time; they are told.
EFFECTS: Final = frozenset(
    {
        *("asyncio", "fcntl", "http", "io", "multiprocessing", "os", "pty", "select", "shutil", "signal"),
        *("socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "glob"),
    }
)
DENIED_STANDARD: Final = {
    "environments": EFFECTS,
    "clients": EFFECTS,
    "coordination": EFFECTS - {"time"},
    "operations": EFFECTS - {"asyncio", "time"},
}
# Arithmetic on names, though it lives beside effects.
LEXICAL: Final = frozenset(
    {
        "os.path",
        "os.path.normpath",
        "os.path.commonpath",
        "os.PathLike",
        "os.fspath",
        "urllib.parse.urlsplit",
        "urllib.parse.parse_qsl",
        "urllib.parse.unquote",
        "urllib.parse.SplitResult",
    }
)
EFFECT_CALLS: Final = frozenset(
    {
        *("cwd", "exists", "expanduser", "glob", "home", "is_dir", "is_file", "iterdir", "lstat", "mkdir", "open"),
        *("read_bytes", "read_text", "rglob", "rmdir", "stat", "touch", "unlink", "write_bytes", "write_text"),
        *("now", "today", "utcnow", "uuid4", "urandom"),
    }
)

# Imports inside functions, each for a reason: (module or package, what it imports there, why).
LAZY: Final = (
    ("homeport.cli", "", "a command loads what it runs; `homeport --help` answers in 150 ms"),
    ("homeport.server", "homeport", "the two programs of the server half (serve, data) do not load each other's parts"),
    (
        "homeport.transports",
        "homeport.transports.sdk",
        "the SDK takes half a second to load; the fast path answers before that",
    ),
    (
        "homeport.transports",
        "homeport.transports.oauth.endpoints",
        "as the SDK, a part of which it loads; most servers have no OAuth",
    ),
    (
        "homeport.transports",
        "homeport.transports.pages.endpoint",
        "templates and markdown take 100 ms to load; agents do not look at pages",
    ),
    ("homeport.transports", "prometheus_client", "only a server that is scraped needs it"),
    ("homeport.server", "httpx2", "only a server with webhooks posts, and it takes a while to load"),
    ("homeport.host", "crossplane", "only a machine with nginx has files in its grammar"),
    ("homeport.host", "prometheus_client", "only who declares a file of metrics needs it"),
    ("homeport.host", "homeport.environments.every_step", "50 ms, for who reads from a journal what is to be undone"),
    ("homeport.host", "obstore", "40 ms, for those who keep backups in an object store"),
    ("homeport.host", "pysqlite3", "only copies of other servers' databases need it"),
    ("homeport.host", "pyrage", "only sealed archives need it"),
    ("homeport.host", "zstandard", "90 ms, for commands that write or read archives"),
    ("homeport.storage", "alembic", "only a store whose schema is behind needs it"),
    ("homeport.storage", "sqlalchemy", "as alembic"),
)


def is_within(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(f"{prefix}.")


def where(module: Module, found: Import) -> str:
    return f"{module.path}:{found.line} imports {found.target}"


def imported_module(target: str) -> str | None:
    """The module of ours that an import's target is or lies in."""
    if target in modules():
        return target
    parent = target.rpartition(".")[0]
    return parent if parent in modules() else None


def offence(module: Module, found: Import) -> str | None:
    """What is wrong with an import, if something is."""
    part = component(module.name)
    top = found.target.split(".", 1)[0]
    wrong = None
    if top == "homeport":
        target = component(imported_module(found.target) or found.target)
        if target not in {part, ""} and not allows(LAYERS[part].parts, target):
            wrong = f"{part or 'homeport'} may import {sorted(LAYERS[part].parts) or 'no part'}"
    elif top == "sqlite3":
        wrong = "two SQLite libraries on one file in one process lose its locks; use pysqlite3"
    elif top in sys.stdlib_module_names:
        if top in DENIED_STANDARD.get(part, ()) and found.target not in LEXICAL:
            wrong = f"{part} is pure; let host, storage or the caller do it"
    elif not allows(LAYERS[part].foreign, top):
        wrong = f"{part or 'homeport'} may import {sorted(LAYERS[part].foreign) or 'nothing foreign'}"
    return f"{where(module, found)}: {wrong}" if wrong else None


def allows(names: frozenset[str], name: str) -> bool:
    return name in names or names == ANYTHING


def test_every_part_of_the_package_has_its_layer() -> None:
    unknown = {component(name) for name in modules()} - set(LAYERS)
    assert not unknown, f"give these a line in LAYERS: {sorted(unknown)}"


def test_imports_follow_the_directions_of_the_design() -> None:
    offences = [
        text
        for module in modules().values()
        if component(module.name) in LAYERS
        for found in imports(module)
        if (text := offence(module, found))
    ]
    assert not offences, "\n".join(offences)


def test_the_two_halves_never_meet_but_in_the_command_line() -> None:
    environments_half = {"environments", "host"}
    server_half = {"coordination", "operations", "storage", "exchange", "transports", "server"}
    for part, allowed in LAYERS.items():
        if part == "cli":
            continue
        reached = allowed.parts | {part}
        assert not (reached & environments_half and reached & server_half), f"LAYERS lets {part} see both halves"


def test_nobody_imports_the_command_line_but_the_door() -> None:
    offences = [
        where(module, found)
        for module in modules().values()
        if component(module.name) not in {"cli", "__main__"}
        for found in imports(module)
        if is_within(found.target, "homeport.cli")
    ]
    assert not offences, "\n".join(offences)


def test_modules_import_each_other_in_no_cycle() -> None:
    graph = {
        module.name: {
            target
            for found in imports(module)
            if not found.for_types_only and (target := imported_module(found.target)) and target != module.name
        }
        for module in modules().values()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a cycle of imports: {' <- '.join(error.args[1])}")


def test_imports_inside_functions_have_their_reason() -> None:
    offences = [
        where(module, found)
        for module in modules().values()
        for found in imports(module)
        if found.in_function
        and not any(is_within(module.name, who) and is_within(found.target, what) for who, what, _ in LAZY)
    ]
    assert not offences, "move these to the top, or give LAZY the reason:\n" + "\n".join(offences)


def test_the_declaration_half_has_no_effects() -> None:
    offences = [
        f"{module.path}:{node.lineno} calls {name}"
        for module in modules().values()
        if component(module.name) == "environments"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and (name := called_name(node)) in EFFECT_CALLS
    ]
    assert not offences, "facts are gathered by host and handed in:\n" + "\n".join(offences)


def called_name(node: ast.Call) -> str:
    """The method, or the builtin ``open``; a bare name is else a function that was handed in."""
    match node.func:
        case ast.Attribute(attr=name):
            return name
        case ast.Name(id="open"):
            return "open"
        case _:
            return ""


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("homeport.coordination.x", "import pydantic", "may import nothing foreign"),
        ("homeport.coordination.x", "from homeport.storage import sqlite", "may import"),
        ("homeport.environments.x", "def f():\n    import subprocess", "is pure"),
        ("homeport.host.x", "from homeport.coordination import tasks", "may import"),
        ("homeport.storage.x", "import sqlite3", "two SQLite libraries"),
        ("homeport.transports.x", "from ..storage import sqlite", "may import"),
        ("homeport.transports.x", "from . import rest", ""),
        ("homeport.errors", "from homeport.contract import ExitCode", ""),
    ],
)
def test_a_forbidden_import_is_noticed(name: str, source: str, wrong: str) -> None:
    path = next(iter(modules().values())).path.with_name("x.py")
    module = Module(name, path, ast.parse(source))
    texts = [offence(module, found) or "" for found in imports(module)]
    assert len(texts) == 1
    assert wrong in texts[0]
    assert bool(texts[0]) == bool(wrong)
