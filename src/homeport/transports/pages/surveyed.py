"""What was last seen of all environments, read back and believed as far as it can be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from homeport.contract.survey import FindingSeen, Survey

_SURVEYS: Final = TypeAdapter(Survey)


class Seen(NamedTuple):
    """A survey; or none where nobody looked, or ``problem`` says why it cannot be read."""

    survey: Survey | None = None
    problem: str = ""

    def findings(self, environment: str) -> list[FindingSeen]:
        """What the doctor found wrong with an environment, and with the machine."""
        if self.survey is None:
            return []
        own = [finding for one in self.survey.environments if one.name == environment for finding in one.findings]
        return [*own, *self.survey.findings]


def parse_survey(text: bytes | None) -> Seen:
    """Reads the text of a survey; None is that of nobody's."""
    if text is None:
        return Seen()
    try:
        found = _SURVEYS.validate_json(text)
        for at in _times(found):
            datetime.fromisoformat(at)
    except ValidationError as error:
        first = error.errors()[0]
        return Seen(problem=f"it is not what it should be: {'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}")
    except ValueError as error:
        return Seen(problem=str(error))
    return Seen(found)


def _times(survey: Survey) -> Iterable[str]:
    """Every time that pages reckon with."""
    yield survey.at
    for one in survey.environments:
        yield from (at for at in (one.started, one.origin_at, one.last_backup, one.last_drill) if at)
        yield from (backup.created for backup in one.backups)
        yield from (backup.drill.at for backup in one.backups if backup.drill)
        yield from (at for release in one.releases for at in (release.created, release.served) if at)
        yield from (operation.begun_at for operation in one.journal)
