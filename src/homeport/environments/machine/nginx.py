"""nginx's locations for an environment. TLS, names and everything else of the server block stay whose they are.

An inherited ``add_header`` or ``proxy_set_header`` is lost in a location that has one of its own. So no location here
adds a header: the server says ``X-MCP-Environment`` itself, and where nginx has to answer in its place, a location that
is used for nothing else says it. What a person set for the whole site (HSTS, say) stays in force.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from homeport.contract import ENVIRONMENT_HEADER
from homeport.environments.environment import Environment
from homeport.environments.machine.units import head_of
from homeport.environments.proxy import LOOPBACK_NAME, Proxy

SNIPPETS: Final = PurePosixPath("/etc/nginx/homeport")
"""A directory for each server block, with a file for each environment in it."""

_STREAMS: Final = (
    "proxy_buffering off;",
    "proxy_cache off;",
    "gzip off;",
    # A stream with nothing to say says so every few seconds; what is silent for an hour is gone.
    "proxy_read_timeout 1h;",
    "proxy_send_timeout 1h;",
)
_CALLS: Final = ("proxy_read_timeout 90s;",)


def snippet_directory(proxy: Proxy) -> PurePosixPath:
    """Where the locations of all environments lie that share a server block."""
    return SNIPPETS / proxy.server_name


def snippet_file(environment: Environment, proxy: Proxy) -> PurePosixPath:
    """The file with an environment's locations."""
    return snippet_directory(proxy) / f"{environment.unit}.conf"


def include_line(proxy: Proxy) -> str:
    """The one line that a server block needs."""
    return f"include {snippet_directory(proxy)}/*.conf;"


def new_site(proxy: Proxy) -> str:
    """A site for those who have none; from then on it is theirs."""
    if proxy.server_name == LOOPBACK_NAME:
        names, addresses = f"{LOOPBACK_NAME} 127.0.0.1", [f"127.0.0.1:{proxy.port}"]
    else:
        names, addresses = proxy.server_name, [f"{proxy.port}", f"[::]:{proxy.port}"]
    listen = "".join(f"    listen {address};\n" for address in addresses)
    return f"""\
# Made once by homeport provision, and yours from then on: names, TLS, what you like.
# It answers without TLS. Tokens are read by whoever is on the way, so put TLS in front (certbot --nginx, for example).
server {{
{listen}    server_name {names};

    {include_line(proxy)}
}}
"""


def snippet_text(environment: Environment, proxy: Proxy, *, root_is_taken: bool = False) -> str:
    """The locations.

    Args:
        environment: whose.
        proxy: how it is reached.
        root_is_taken: whether the server block has a ``location /`` of its own, which is left alone.
    """
    blocks = [*_protocols(environment, proxy)]
    blocks += _prefixed(environment, proxy) if proxy.path else _rooted(environment, root_is_taken=root_is_taken)
    blocks.append(_away(environment))
    return f"# {head_of(environment)}\n\n" + "\n".join(blocks)


def _protocols(environment: Environment, proxy: Proxy) -> Iterator[str]:
    path = proxy.path
    if environment.offers_http:
        yield _location(environment, f"= /mcp{path}", _to(environment, environment.http_port, "/mcp"), _STREAMS, path)
    if environment.sse_port is not None:
        # Below the stream's own path, so that the names that clients are told lead back to this environment.
        prefix = f"/sse{path}" if path else ""
        port = environment.sse_port
        yield _location(environment, f"= /sse{path}", _to(environment, port, "/sse"), _STREAMS, prefix)
        yield _location(environment, f"= {prefix}/messages", _to(environment, port, "/messages"), _CALLS, prefix)


def _prefixed(environment: Environment, proxy: Proxy) -> Iterator[str]:
    """All else of the HTTP port, below the environment's own path.

    The path is passed on as it came, since nginx would else take an encoded slash in an id for a real one.
    """
    path = proxy.path
    variable = f"homeport_{re.sub('[^a-z0-9]', '_', environment.name)}_path"
    # A group with a name, since nginx would encode one with a number once more.
    capture = [
        f'if ($request_uri !~ "^{re.escape(path)}/") {{ return 400; }}',
        f'if ($request_uri ~ "^{re.escape(path)}(?<{variable}>/.*)$") {{ }}',
    ]
    target = _to(environment, environment.http_port, f"${variable}")
    yield _location(environment, f"= {path}", _to(environment, environment.http_port, "/"), _CALLS, path)
    yield _location(
        environment,
        f"= {path}/api/v1/events",
        _to(environment, environment.http_port, "/api/v1/events"),
        _STREAMS,
        path,
    )
    yield _location(environment, f"{path}/", target, _CALLS, path, capture)


def _rooted(environment: Environment, *, root_is_taken: bool) -> Iterator[str]:
    """All else of the HTTP port, where it is; the whole rest of the site only where nobody else has it."""
    target = _to(environment, environment.http_port)
    yield _location(environment, "= /api/v1/events", target, _STREAMS)
    yield _location(environment, "/api/v1/", target, _CALLS)
    for path in ("/health", "/openapi.json"):
        yield _location(environment, f"= {path}", target, _CALLS)
    if not root_is_taken:
        yield _location(environment, "/", target, _CALLS)


def _location(
    environment: Environment,
    match: str,
    target: str,
    manner: Iterable[str],
    prefix: str = "",
    first: Iterable[str] = (),
) -> str:
    lines = [
        *first,
        f"proxy_pass {target};",
        "proxy_http_version 1.1;",
        'proxy_set_header Connection "";',
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Real-IP $remote_addr;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header X-Forwarded-Host $http_host;",
        # Also where it is empty: no caller says below which path we are.
        f'proxy_set_header X-Forwarded-Prefix "{prefix}";',
        # A little over the server's own limit, so that it is the server that says so.
        "client_max_body_size 2m;",
        *manner,
        f"error_page 502 504 = @{_away_name(environment)};",
        *_named_here(environment),
    ]
    return f"location {match} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def _named_here(environment: Environment) -> Iterator[str]:
    """A program that is not ours does not say which environment it is; here the site's own headers are the price."""
    if environment.is_foreign:
        yield f"proxy_hide_header {ENVIRONMENT_HEADER};"
        yield f"add_header {ENVIRONMENT_HEADER} {environment.name} always;"


def _away(environment: Environment) -> str:
    answer = (
        f'{{"error": {{"code": "away", "message": "{environment.name} does not answer the proxy.", '
        '"hint": "Try again in a few seconds."}}'
    )
    return f"""\
location @{_away_name(environment)} {{
    internal;
    default_type application/json;
    add_header {ENVIRONMENT_HEADER} {environment.name} always;
    add_header Retry-After 5 always;
    return 503 '{answer}';
}}
"""


def _away_name(environment: Environment) -> str:
    return f"{environment.unit}-away"


def _to(environment: Environment, port: int, path: str = "") -> str:
    return f"{environment.url_of(port)}{path}"
