"""What is to be done with nginx's files: an environment's locations, and the one line that includes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.environment import Environment
from homeport.environments.machine.facts import MachineFacts
from homeport.environments.machine.nginx import SNIPPETS, include_line, new_site, snippet_file
from homeport.environments.machine.record import hash_of
from homeport.environments.machine.site import find_block, with_include
from homeport.environments.machine.steps import Candidate, JudgeNginx, ReloadNginx, SwitchUnit
from homeport.environments.machine.wanted import ROOT, WantedFile
from homeport.environments.proxy import Proxy
from homeport.environments.steps import RemoveFile, Step, WriteFile

NGINX: str = "nginx.service"


@dataclass(frozen=True, slots=True)
class Proxying:
    """Steps, and what the record keeps of them."""

    judged: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    site: PurePosixPath | None = None
    site_made: str | None = None
    include: str = ""


def plan_proxy(environment: Environment, facts: MachineFacts, files: Iterable[WantedFile]) -> Proxying:
    """What is to be done; nothing where all is as it should be.

    Raises:
        GuardError: it cannot be told which server block is meant.
    """
    proxy = environment.proxy
    old = _unwanted(facts, {file.path for file in files})
    if proxy is None or facts.nginx is None:
        # The include line of a proxy that is declared no longer stays: it includes nothing, and others may need it.
        return Proxying(*_changed(old, ()))
    wanted = next(file for file in files if file.path == snippet_file(environment, proxy))
    there = facts.files.get(wanted.path)
    writes = [] if there is not None and there.text == wanted.text else [wanted]
    path, text, made = _site(proxy, facts)
    if text is not None:
        writes.append(WantedFile(path, text, facts.nginx.site.mode if facts.nginx.site else 0o644))
    judged, steps = _changed(old, writes)
    if not steps and not facts.nginx.active:
        steps = (SwitchUnit(NGINX, enabled=None, active=True),)
    return Proxying(judged, steps, path, made, include_line(proxy))


def _site(proxy: Proxy, facts: MachineFacts) -> tuple[PurePosixPath, str | None, str | None]:
    """The site's path, its new text (None where it stays), and its hash where it was made."""
    include = include_line(proxy)
    found = facts.nginx.site if facts.nginx is not None else None
    if found is None:
        text = new_site(proxy)
        return proxy.site, text, hash_of(text)
    block = find_block(found, proxy.server_name, include)
    text = with_include(found, block, include)
    # Another environment of the same site may have made it; as long as nobody touched it, it is Homeport's.
    made = hash_of(found.text) if found.text == new_site(proxy) else None
    return found.path, text if text != found.text else None, made


def _unwanted(facts: MachineFacts, wanted: set[PurePosixPath]) -> list[PurePosixPath]:
    recorded = facts.record.files if facts.record is not None else {}
    return [path for path in recorded if path.is_relative_to(SNIPPETS) and path not in wanted and path in facts.files]


def _changed(
    removed: Iterable[PurePosixPath], writes: Iterable[WantedFile]
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The judgement and the steps for some files of nginx's."""
    gone, new = list(removed), list(writes)
    if not gone and not new:
        return (), ()
    candidates = [Candidate(path, None) for path in gone] + [Candidate(file.path, file.text) for file in new]
    steps: list[Step] = [
        ReloadNginx("back"),
        *(RemoveFile(path) for path in gone),
        *(WriteFile(file.path, file.text, file.mode, ROOT) for file in new),
        ReloadNginx("forth"),
    ]
    return (JudgeNginx(tuple(candidates)),), tuple(steps)
