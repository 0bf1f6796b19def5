"""The declared file of metrics, which node_exporter's textfile collector reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeport.environments.backups.gauges import BackupGauge, Looked, backup_gauges
from homeport.environments.doctor.finding import Finding
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.files import write_atomically
from homeport.host.backups.shelf import Shelf

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

LOOKED: Final = "looked.json"
"""In the journal directory: what the doctor found last."""


def note_look(environment: Environment, findings: Sequence[Finding], at: str) -> None:
    """Keeps how many findings there were; the journal directory must exist."""
    critical = sum(1 for one in findings if one.severity == "critical")
    looked = Looked(at, critical, len(findings) - critical)
    write_atomically(Path(environment.journal_directory) / LOOKED, json.dumps(asdict(looked)) + "\n")


def write_metrics(environment: Environment) -> None:
    """Writes the file that is declared, whole or not at all; does nothing where none is.

    Raises:
        HomeportError: it cannot be written. What it tells of was done all the same.
    """
    if not environment.backup.metrics_file:
        return
    shelf, file = Path(environment.backups_directory), Path(environment.backup.metrics_file)
    records = Shelf(shelf, environment.name).readable_records()[0] if shelf.is_dir() else []
    try:
        write_atomically(file, metrics_text(environment.name, backup_gauges(records, _looked(environment))))
    except OSError as error:
        raise HomeportError(
            f"{file} cannot be written: {error.strerror}.", "metrics_file names it; its directory must exist."
        ) from None


def metrics_text(environment: str, gauges: Iterable[BackupGauge]) -> bytes:
    """The numbers in the text form of Prometheus."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(environment, list(gauges)))
    return generate_latest(registry)


class _Collected:
    def __init__(self, environment: str, gauges: Sequence[BackupGauge]) -> None:
        self._environment = environment
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """As the library asks for it."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        families: dict[str, GaugeMetricFamily] = {}
        for one in self._gauges:
            more = () if one.label is None else (one.label[0],)
            name = f"homeport_{one.name}"
            family = families.setdefault(name, GaugeMetricFamily(name, one.text, labels=("environment", *more)))
            family.add_metric((self._environment, *(() if one.label is None else (one.label[1],))), one.value)
        return families.values()


def _looked(environment: Environment) -> Looked | None:
    try:
        found = json.loads((Path(environment.journal_directory) / LOOKED).read_text(encoding="utf-8"))
        return Looked(str(found["at"]), int(found["critical"]), int(found["warning"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
