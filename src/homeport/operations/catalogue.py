"""The catalogue: all operations, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from homeport.operations import (
    bootstrap,
    history,
    instances,
    lessons,
    messages,
    projects,
    roles,
    search,
    status,
    tasks,
    tokens,
    webhooks,
)
from homeport.operations.operation import Operation

CATALOGUE: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        operation.name: operation
        for operation in (
            *bootstrap.OPERATIONS,
            *messages.OPERATIONS,
            *tasks.OPERATIONS,
            *projects.OPERATIONS,
            *instances.OPERATIONS,
            *lessons.OPERATIONS,
            *search.OPERATIONS,
            *history.OPERATIONS,
            *status.OPERATIONS,
            *roles.OPERATIONS,
            *webhooks.OPERATIONS,
            *tokens.OPERATIONS,
        )
    }
)
