"""nginx: its files read with its own grammar, a candidate judged by itself, and told to read them anew."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

from homeport.environments.machine.facts import NginxFacts
from homeport.environments.machine.proxying import NGINX
from homeport.environments.machine.site import ServerBlock, SiteFile
from homeport.environments.machine.steps import Candidate, JudgeNginx, ReloadNginx
from homeport.environments.steps import Step
from homeport.errors import HomeportError, UsageError
from homeport.host.commands import run_command
from homeport.host.hands import Hands
from homeport.host.machine.nginx_workers import served_anew
from homeport.host.machine.systemctl import systemctl, unit_state

_PLACE: Final = "/run"
"""In memory, and root's: the copy has the keys of certificates that lie beside the configuration."""
_SHOWN: Final = re.compile(r"^# configuration file (.+):$", re.MULTILINE)


def find_nginx(site: PurePosixPath) -> NginxFacts | None:
    """nginx, and the file with the server block; None where it is not installed.

    Raises:
        UsageError: the file cannot be read, or is not nginx's.
    """
    if _program() is None:
        return None
    return NginxFacts(unit_state(NGINX).active, read_site(Path(site)))


def read_site(path: Path) -> SiteFile | None:
    """A file with server blocks; None where there is none.

    Raises:
        UsageError: it cannot be read, or nginx would not understand it.
    """
    # nginx is not everywhere, and its grammar takes a while to load.
    import crossplane

    real = path.resolve()
    try:
        text = real.read_bytes().decode()
        mode = stat.S_IMODE(real.stat().st_mode)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    parsed = crossplane.parse(str(real), single=True, catch_errors=True, check_ctx=False, check_args=False)
    if parsed["errors"]:
        raise UsageError(f"nginx would not understand {path}: {parsed['errors'][0]['error']}.")
    return SiteFile(PurePosixPath(real), text, tuple(_blocks(parsed["config"][0]["parsed"])), mode)


class NginxJudge:
    """:class:`JudgeNginx`."""

    def inverse(self, step: JudgeNginx) -> tuple[Step, ...]:
        return ()

    def apply(self, step: JudgeNginx) -> None:
        program = _program()
        if program is None:
            raise HomeportError("nginx is not installed on this machine.")
        directory = _configuration_directory(program)
        with _copy_with(directory, step.candidates) as binds:
            options = [f"--property=BindPaths={copy}:{real}" for copy, real in binds]
            command = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", *options, "--", program, "-T"]
            told = run_command(command, seconds=60)
        if told.code != 0:
            said = " ".join(line for line in told.errors.splitlines() if "[emerg]" in line) or told.last_words
            raise HomeportError(f"nginx refuses the candidate: {said}")
        read = {str(Path(file).resolve()) for file in _SHOWN.findall(told.output)}
        for candidate in step.candidates:
            if candidate.text is not None and str(candidate.path) not in read:
                raise HomeportError(
                    f"nginx would not read {candidate.path}: nothing in its configuration includes it.",
                    "Name a file as nginx_site that nginx.conf includes.",
                )


class NginxReloader:
    """:class:`ReloadNginx`."""

    def inverse(self, step: ReloadNginx) -> tuple[Step, ...]:
        return (ReloadNginx("forth"),) if step.way == "back" else ()

    def apply(self, step: ReloadNginx) -> None:
        if step.way == "forth":
            with served_anew():
                systemctl("reload-or-restart", NGINX)


NGINX_HANDS: Final[Hands] = {JudgeNginx: NginxJudge(), ReloadNginx: NginxReloader()}


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/sbin")


def _configuration_directory(program: str) -> Path:
    """The directory of nginx.conf, as nginx was built with."""
    told = run_command([program, "-V"], seconds=30)
    found = re.search(r"--conf-path=(\S+)", told.errors)
    return Path(found[1] if found else "/etc/nginx/nginx.conf").parent


@contextmanager
def _copy_with(directory: Path, candidates: Sequence[Candidate]) -> Iterator[list[tuple[Path, Path]]]:
    """Copies of the configuration with the candidates in it, each with the path that it is to be seen at."""
    with tempfile.TemporaryDirectory(prefix="homeport-nginx.", dir=_PLACE) as place:
        copy = Path(place, "configuration")
        shutil.copytree(directory, copy, symlinks=True)
        binds = [(copy, directory)]
        for number, candidate in enumerate(candidates):
            path = Path(candidate.path)
            if path.is_relative_to(directory):
                _put(copy / path.relative_to(directory), candidate.text)
            else:
                beside = Path(place, str(number))
                _put(beside, candidate.text or "")
                binds.append((beside, path))
        yield binds


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _blocks(parsed: Sequence[dict[str, Any]]) -> Iterator[ServerBlock]:
    """Server blocks, also those in a whole configuration's http block."""
    for directive in parsed:
        inner = directive.get("block", [])
        if directive["directive"] == "http":
            yield from _blocks(inner)
        elif directive["directive"] == "server":
            yield ServerBlock(
                line=directive["line"],
                names=tuple(name for one in inner if one["directive"] == "server_name" for name in one["args"]),
                has_tls=any(one["directive"] == "listen" and "ssl" in one["args"] for one in inner),
                locations=tuple(" ".join(one["args"]) for one in inner if one["directive"] == "location"),
                includes=tuple(name for one in inner if one["directive"] == "include" for name in one["args"]),
            )
