"""From a failed validation to a sentence that says what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.coordination.values import did_you_mean
from homeport.errors import InvalidError
from homeport.operations.operation import Mutation

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from homeport.operations.operation import Operation

_MAX_SHOWN = 80


def refusal(operation: Operation, error: ValidationError) -> InvalidError:
    """One error for all that is wrong with the arguments of a call."""
    fields = sorted(operation.arguments.model_fields.items(), key=lambda item: item[0] in Mutation.model_fields)
    known = [field.alias or name for name, field in fields]
    problems = [_sentence(problem, known) for problem in error.errors(include_url=False)]
    required = [field.alias or name for name, field in fields if field.is_required()]
    hint = (
        f"{operation.name} takes {', '.join(f'{name}*' if name in required else name for name in known) or 'nothing'}."
    )
    return InvalidError("; ".join(problems) + ".", hint, problems=problems)


def _sentence(problem: ErrorDetails, known: list[str]) -> str:
    path = _path(problem["loc"])
    match problem["type"]:
        case "missing":
            return f"{path}: it is missing"
        case "extra_forbidden":
            near = did_you_mean(str(problem["loc"][-1]), known).rstrip(".") if len(problem["loc"]) == 1 else ""
            return f"{path}: unknown argument{' (' + near + ')' if near.startswith('Did') else ''}"
        case "literal_error":
            return f"{path}: {_shown(problem['input'])} is none of {problem.get('ctx', {}).get('expected', '')}"
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            return f"{path}: {message[:1].lower()}{message[1:]}, not {_shown(problem['input'])}"


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "arguments"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
