"""A finding: what is wrong, how one sees it, what comes of it, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from homeport.environments.steps import Step

Kind = Literal[
    "absent",
    "unmanaged",
    "forgotten",
    "down",
    "unhealthy",
    "port-held",
    "crash-loop",
    "units-not-reloaded",
    "drift",
    "operation-open",
    "operation-stuck",
    "operation-settled",
    "data-elsewhere",
    "data-shared",
    "data-of-another",
    "data-tracked",
    "stale-data",
    "sandbox-misses-data",
    "open-to-others",
    "secret-readable",
    "backup-misses-data",
    "backup-job-stopped",
    "backup-shrinks",
    "backup-does-not-open",
    "backup-failed",
    "backup-broken",
    "backup-old",
    "never-backed-up",
    "backup-same-disk",
    "drill-failed",
    "drill-old",
    "never-proven",
    "replica-unreadable",
    "replica-dead",
    "replica-behind",
    "replica-not-proven",
    "proxy-invalid",
    "proxy-misroutes",
    "proxy-path-lost",
    "proxy-lacks-header",
    "proxy-breaks-streams",
    "disk-nearly-full",
    "read-only",
    "clock",
    "sqlite-old",
    "database-unreachable",
    "database-of-another",
    "database-old",
    "database-encoding",
    "database-standby",
    "backup-rights",
    "pg-dump-missing",
    "connections-nearly-used",
    "transaction-long",
    "database-bloated",
    "standby-behind",
    "log-not-archived",
    "scratch-left-over",
    "server-left-behind",
    "servers-differ",
    "database-kept",
]
"""The names of faults, for programs and documents (docs/doctor.md); none changes its meaning."""
Severity = Literal["critical", "warning"]
"""``critical``: data or service are lost or in danger now; ``warning``: they will be when something else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a machine.

    Attributes:
        kind: its name.
        environment: whose; None where it is the machine's.
        severity: how bad.
        sentence: what is wrong, in one line.
        evidence: what was seen, a line each: enough to see it oneself.
        consequence: what comes of it if nothing is done.
        mend: the command that mends it, or what a person does.
        fix: the steps with which ``doctor --fix`` mends it; empty where that is left to the command or the person.
        subject: the path, unit or job that it is about, where there is one.
    """

    kind: Kind
    environment: str | None
    severity: Severity
    sentence: str
    evidence: tuple[str, ...]
    consequence: str
    mend: str
    fix: tuple[Step, ...] = ()
    subject: str = ""

    def as_json(self) -> dict[str, Any]:
        """For ``homeport doctor --json``."""
        return {
            "kind": self.kind,
            "environment": self.environment,
            "severity": self.severity,
            "sentence": self.sentence,
            "evidence": list(self.evidence),
            "consequence": self.consequence,
            "mend": self.mend,
            "fixable": bool(self.fix),
            "subject": self.subject,
        }


def nagios_line(findings: Sequence[Finding], environments: Sequence[str]) -> tuple[int, str]:
    """The one line and the exit code that monitoring plugins have: 0 OK, 1 WARNING, 2 CRITICAL."""
    checked = ", ".join(environments)
    if not findings:
        return 0, f"HOMEPORT OK - {checked}: nothing found | findings=0"
    critical = [finding for finding in findings if finding.severity == "critical"]
    worst = critical or list(findings)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    word = "CRITICAL" if critical else "WARNING"
    sentence = worst[0].sentence.replace("|", "/")
    return (2 if critical else 1), f"HOMEPORT {word} - {sentence}{more} | findings={len(findings)}"
