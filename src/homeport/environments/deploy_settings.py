"""What must be so before a release is deployed: the table ``[environments.NAME.deploy]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _word(value: str) -> str:
    if not value or not value.isprintable():
        raise ValueError(f'"{value}" is empty, or has signs that cannot be seen')
    return value


class DeploySettings(BaseModel):
    """Nothing is demanded where nothing is declared."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    check: list[Annotated[str, AfterValidator(_word)]] = Field(
        [],
        description="A program and its arguments that says whether a commit may be deployed, such as one that asks for "
        "the result of its tests. It runs in the source, with the commit in $HOMEPORT_COMMIT; any exit code but 0 "
        "refuses, and what it said last is told.",
    )
    proven_in: str = Field(
        "",
        description='An environment that must serve the very same commit, and be healthy: "development".',
    )
