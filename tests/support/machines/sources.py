"""Where this host gets its packages: the machines are built from the same mirrors, and of the same release."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

APT: Final = Path("/etc/apt")


class Sources(NamedTuple):
    """A release of Debian or Ubuntu, and the entries for it in both of apt's formats."""

    codename: str
    lines: str
    stanzas: str

    def __bool__(self) -> bool:
        return bool(self.lines or self.stanzas)


def host_sources(apt: Path = APT, codename: str | None = None) -> Sources:
    """This host's release and the entries of its distribution; those of anybody else are left out."""
    release = codename or platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    files = sorted((apt / "sources.list.d").glob("*.sources"))
    lines = [line for file in lists if file.is_file() for line in _lines(file.read_text(), release)]
    stanzas = [stanza for file in files for stanza in _stanzas(file.read_text(), release)]
    return Sources(release, "".join(f"{line}\n" for line in lines), "\n".join(stanzas))


def host_settings() -> list[str]:
    """How this host's apt reaches its mirrors (proxies, certificates, what it lets pass), as lines of apt.conf."""
    told = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return re.findall(r'^Acquire::(?:https?::\S+|Check-\S+|Retries|ForceIPv[46]) "[^"]+";$', told, re.MULTILINE)


def _lines(text: str, codename: str) -> Iterator[str]:
    for line in text.splitlines():
        found = re.match(r"deb\s+(?:\[[^]]*\]\s+)?\S+\s+(\S+)\s+main\b", line.strip())
        if found and _is_of(found[1], codename):
            yield line.strip()


def _stanzas(text: str, codename: str) -> Iterator[str]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        suites = fields.get("Suites", "").split()
        usable = "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes").lower() != "no"
        if usable and suites and all(_is_of(suite, codename) for suite in suites):
            yield f"{stanza.strip()}\n"


def _is_of(suite: str, codename: str) -> bool:
    return bool(codename) and suite in {codename, *(f"{codename}-{part}" for part in ("updates", "security"))}
