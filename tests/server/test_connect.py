"""``homeport connect`` against real servers: what was written is checked, and every failure has its sentence."""

from __future__ import annotations

import datetime as dt
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homeport.cli import main
from homeport.clients.catalogue import CATALOGUE
from homeport.contract import ExitCode
from homeport.outbound import trial
from tests.support.ports import free_ports
from tests.support.running import PROGRAM, Workspace, running, workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WRITABLE = [
    (key, transport)
    for key, client in CATALOGUE.items()
    if client.entry is not None
    for transport in client.transports
    if (key, transport) != ("claude-desktop", "http")
]
REVISIONS = {"claude-code": "2026-07-28", "codex": "2025-06-18"}
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def open_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A development that answers everybody."""
    with running(workspace(tmp_path_factory.mktemp("open"))) as place:
        yield place


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A production, which asks for tokens."""
    with running(workspace(tmp_path_factory.mktemp("guarded"), "production")) as place:
        yield place


@pytest.fixture(scope="module")
def token(guarded: Workspace) -> str:
    """One that is bound to nova."""
    arguments = ["token", "create", "production", "--name", "test", "--instance", "nova", "--config", str(guarded.file)]
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``homeport connect`` of a person with a home of its own; the exit code, the JSON, and the error's text."""
    (tmp_path / "home").mkdir()
    (tmp_path / "team").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "team")

    def connect(place: Workspace, *arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main(["connect", place.environment, "--config", str(place.file), "--json", *arguments])
        out, err = capsys.readouterr()
        values = [json.loads(line) for line in out.splitlines()]
        error = json.loads(err)["error"] if err else {}
        return code, values[-1] if values else None, f"{error.get('message', '')} {error.get('hint', '')}"

    return connect


@pytest.mark.parametrize(("key", "transport"), WRITABLE)
def test_what_is_written_for_a_client_connects_it(key: str, transport: str, open_place: Workspace, run: Run) -> None:
    arguments = ["--client", key, "--transport", transport]
    code, written, error = run(open_place, *arguments, "--write")
    assert (code, written["state"]) == (ExitCode.DONE, "added"), error
    code, seen, error = run(open_place, *arguments, "--check")
    assert code == ExitCode.DONE, error
    assert seen["file"] == written["file"]
    assert (seen["environment"], seen["server"]) == ("development", "homeport-development")
    assert seen["transport"] == transport
    revision = "2025-11-25" if transport == "sse" else REVISIONS.get(key, "2025-11-25")
    assert seen["revision"] == revision
    assert seen["tools"] > 20
    assert seen["speaks_as"] is None


@pytest.mark.parametrize(("key", "transport"), WRITABLE)
def test_a_guarded_environment_says_as_whom_the_token_speaks(
    key: str, transport: str, guarded: Workspace, token: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--client", key, "--transport", transport]
    monkeypatch.setenv("HOMEPORT_TOKEN", token)
    _, written, _ = run(guarded, *arguments, "--write")
    text = Path(written["file"]).read_text()
    # Only Claude Desktop can take it from nowhere else.
    assert (token in text) is (key == "claude-desktop")
    assert (Path(written["file"]).stat().st_mode & 0o777 == 0o600) is (key == "claude-desktop")
    code, seen, error = run(guarded, *arguments, "--check")
    assert code == ExitCode.DONE, error
    assert (seen["environment"], seen["speaks_as"], seen["server"]) == ("production", "nova", "homeport")
    monkeypatch.delenv("HOMEPORT_TOKEN")
    code, _, error = run(guarded, *arguments, "--check")
    if key != "claude-desktop":
        assert code == ExitCode.FAILED
        assert "token" in error
        assert "HOMEPORT_TOKEN, which is not set here" in error


def test_with_a_token_file_nothing_else_is_needed(guarded: Workspace, token: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    for key in ("claude-desktop", "codex", "cursor"):
        code, _, error = run(guarded, "--client", key, "--token-file", str(file), "--write", f"{key}.conf", "--check")
        assert code == ExitCode.DONE, error
        text = Path(f"{key}.conf").read_text()
        assert (token in text) is (key != "claude-desktop")
        code, seen, error = run(guarded, "--client", key, "--write", f"{key}.conf", "--check", "--dry-run")
        assert code == ExitCode.DONE, error
        assert seen["holds_token"] in {True, False}


@pytest.mark.parametrize("transport", ["http", "sse"])
def test_plain_http_is_checked_too(transport: str, open_place: Workspace, run: Run) -> None:
    code, seen, error = run(open_place, "--client", "http", "--transport", transport, "--check")
    assert code == ExitCode.DONE, error
    assert seen["environment"] == "development"


def test_without_a_client_any_is_meant(open_place: Workspace, run: Run) -> None:
    code, seen, _ = run(open_place, "--check")
    assert (code, seen["revision"], seen["environment"]) == (ExitCode.DONE, "2026-07-28", "development")


@pytest.mark.parametrize("transport", ["http", "sse", "stdio"])
def test_a_token_that_is_not_good_is_said(
    transport: str, guarded: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_TOKEN", "hpt_production_nobody-has-this")
    code, _, error = run(guarded, "--client", "claude-code", "--transport", transport, "--check")
    assert code == ExitCode.FAILED
    assert "token" in error
    assert "homeport token create" in error
    assert "nobody-has-this" not in error


def test_a_token_that_is_missing_is_said(guarded: Workspace, run: Run) -> None:
    code, _, error = run(guarded, "--check")
    assert code == ExitCode.FAILED
    assert "production asks for a token, and none is shown" in error


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_the_port_of_another_environment_is_said(
    transport: str, open_place: Workspace, guarded: Workspace, run: Run
) -> None:
    arguments = ["--client", "claude-code", "--transport", transport, "--check"]
    code, _, error = run(guarded, *arguments, "--url", open_place.url)
    assert code == ExitCode.FAILED
    assert "development" in error
    assert "not production" in error


@pytest.mark.parametrize("transport", ["http", "sse", "stdio"])
def test_a_server_that_is_not_there_is_said(transport: str, run: Run, tmp_path: Path) -> None:
    place = workspace(tmp_path)
    code, _, error = run(place, "--client", "claude-code", "--transport", transport, "--check")
    assert code == ExitCode.FAILED
    assert "Nothing " in error
    assert f"127.0.0.1:{place.sse_port if transport == 'sse' else place.port}" in error


def test_a_host_that_the_server_does_not_answer_for_is_said(open_place: Workspace, run: Run) -> None:
    code, _, error = run(open_place, "--check", "--url", f"http://127.1:{open_place.port}")
    assert code == ExitCode.FAILED
    assert "does not answer for the host 127.1." in error
    assert "allowed_hosts" in error


def test_a_host_that_does_not_exist_is_said(open_place: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    code, _, error = run(open_place, "--check", "--url", "http://nobody.invalid:3446")
    assert code == ExitCode.FAILED
    assert "nobody.invalid" in error


def test_tls_where_there_is_none_is_said(open_place: Workspace, run: Run) -> None:
    code, _, error = run(open_place, "--check", "--url", f"https://127.0.0.1:{open_place.port}")
    assert code == ExitCode.FAILED
    assert "TLS failed" in error
    assert "begins with http://" in error


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_a_certificate_that_nobody_trusts_is_said(
    transport: str, open_place: Workspace, run: Run, tmp_path: Path
) -> None:
    with _other_server(certificate=tmp_path / "certificate.pem") as port:
        url = f"https://127.0.0.1:{port}/mcp"
        code, _, error = run(open_place, "--client", "claude-code", "--transport", transport, "--check", "--url", url)
    assert code == ExitCode.FAILED
    assert "certificate is not trusted" in error


def test_a_server_that_is_not_homeport_is_said(open_place: Workspace, run: Run) -> None:
    with _other_server() as port:
        code, _, error = run(open_place, "--check", "--url", f"http://127.0.0.1:{port}/mcp")
    assert code == ExitCode.FAILED
    assert "is not Homeport" in error


def test_a_wrong_path_is_said(open_place: Workspace, run: Run) -> None:
    code, _, error = run(open_place, "--check", "--url", f"{open_place.url}/no/such")
    assert code == ExitCode.FAILED
    assert "nothing at this path" in error
    assert "/mcp" in error


def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    open_place: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.5)
    with _other_server(silent=True) as port:
        code, _, error = run(open_place, "--check", "--url", f"http://127.0.0.1:{port}/mcp")
    assert code == ExitCode.FAILED
    assert "does not answer" in error


def test_an_entry_that_leads_elsewhere_stays_without_yes(open_place: Workspace, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "team" / ".mcp.json"
    old = '{"mcpServers": {"homeport-development": {"type": "http", "url": "http://127.0.0.1:1/mcp"}}}'
    file.write_text(old)
    code, _, error = run(open_place, "--client", "claude-code", "--write")
    assert code == ExitCode.REFUSED
    assert "127.0.0.1:1/mcp" in error
    assert file.read_text() == old
    code, _, error = run(open_place, "--client", "claude-code", "--check")
    assert (code, "127.0.0.1:1" in error) == (ExitCode.FAILED, True)
    code, _, _ = run(open_place, "--client", "claude-code", "--write", "--yes", "--check")
    assert code == ExitCode.DONE
    assert [one.read_text() for one in file.parent.glob(".mcp.json.before-homeport-*")] == [old]


def test_a_dry_run_writes_nothing(open_place: Workspace, run: Run, tmp_path: Path) -> None:
    code, written, _ = run(open_place, "--client", "cursor", "--write", "--dry-run")
    assert (code, written["state"], written["dry_run"]) == (ExitCode.DONE, "added", True)
    assert not list((tmp_path / "team").iterdir())


def test_a_broken_file_is_left_and_named(open_place: Workspace, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "team" / ".mcp.json"
    file.write_text('{\n"mcpServers": {\n}')
    for action in ("--write", "--check"):
        code, _, error = run(open_place, "--client", "claude-code", action)
        assert code == ExitCode.FAILED
        assert ".mcp.json, line 3: " in error
    assert file.read_text() == '{\n"mcpServers": {\n}'


@pytest.mark.parametrize(
    "arguments",
    [
        ["--client", "codex", "--transport", "sse"],
        ["--client", "claude-ai"],
        ["--client", "chatgpt", "--check"],
        ["--client", "http", "--write"],
        ["--write"],
        ["--name", "homeport"],
        ["--client", "claude-code", "--url", "nowhere"],
        ["--check", "--token-file", "/nowhere"],
    ],
)
def test_what_cannot_be_is_a_usage_error_with_a_way_out(arguments: list[str], run: Run, tmp_path: Path) -> None:
    code, _, error = run(workspace(tmp_path), *arguments)
    assert code == ExitCode.USAGE
    assert len(error.split()) > 8


def test_a_declared_oauth_host_is_where_a_connector_is_led(run: Run, tmp_path: Path) -> None:
    place = workspace(tmp_path, "production", 'oauth_host = "agents.example.org"\n')
    code, shown, error = run(place, "--client", "claude-ai")
    assert code == ExitCode.DONE, error
    assert shown["url"] == "https://agents.example.org/mcp"
    assert run(place, "--client", "claude-code")[1]["url"] == f"{place.url}/mcp"


class _Other(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Hello</html>")

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def _other_server(*, certificate: Path | None = None, silent: bool = False) -> Iterator[int]:
    """Something on a port that is not Homeport; a silent one takes connections and never reads."""
    port = free_ports(1)[0]
    server = HTTPServer(("127.0.0.1", port), _Other)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.write_bytes(_certificate())
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    if not silent:
        thread.start()
    try:
        yield port
    finally:
        if not silent:
            server.shutdown()
            thread.join()
        server.server_close()


def _certificate() -> bytes:
    """A key and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + made.public_bytes(serialization.Encoding.PEM)
