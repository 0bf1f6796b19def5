"""From a failed validation to a sentence that says what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from homeport.coordination.values import did_you_mean
from homeport.errors import InvalidError
from homeport.operations.operation import Arguments, Mutation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from homeport.operations.operation import Operation

_MAX_SHOWN = 80


class _Place(NamedTuple):
    """Where a problem lies: its path as a caller would write it, and the model whose field it is."""

    path: str
    model: type[Arguments]
    owner: str
    """What takes the fields of that model: nothing for the call itself, else such as ``updates``."""
    nested: type[Arguments] | None
    """The model of the value that lies there, if it has one."""


def refusal(operation: Operation, error: ValidationError) -> InvalidError:
    """One error for all that is wrong with the arguments of a call."""
    found = [(_place(operation.arguments, problem["loc"]), problem) for problem in error.errors(include_url=False)]
    problems = list(dict.fromkeys(_sentence(place, problem) for place, problem in _without_other_branches(found)))
    hints: dict[str, None] = {}
    for place, problem in found:
        hints[_takes(place.owner or operation.name, place.model)] = None
        if place.nested is not None:
            hints[_takes(_owner(place.path, is_list=problem["type"] == "list_type"), place.nested)] = None
    return InvalidError("; ".join(problems) + ".", " ".join(hints), problems=problems)


def _place(model: type[Arguments], location: tuple[int | str, ...]) -> _Place:
    """Follows a location through the models. What is no field on the way is the name of a union's branch."""
    path, owner, within = "", "", model
    nested: type[Arguments] | None = model
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif nested is not None:
            owner, within = _owner(path), nested
            path += f".{part}" if path else part
            nested = _nested(nested, part)
    return _Place(path or "arguments", within, owner, nested)


def _without_other_branches(found: list[tuple[_Place, ErrorDetails]]) -> Iterator[tuple[_Place, ErrorDetails]]:
    """Without what the other branches of a union say where one branch found the fault further inside."""
    paths = [place.path for place, _ in found]
    for place, problem in found:
        if not any(path.startswith(f"{place.path}[") for path in paths):
            yield place, problem


def _sentence(place: _Place, problem: ErrorDetails) -> str:
    path = place.path
    match problem["type"]:
        case "missing":
            return f"{path}: it is missing"
        case "extra_forbidden":
            return f"{path}: unknown argument{_better(place, str(problem['loc'][-1]))}"
        case "literal_error":
            return f"{path}: {_shown(problem['input'])} is none of {problem.get('ctx', {}).get('expected', '')}"
        case "model_type" | "dict_type":
            return f"{path}: input should be an object, not {_shown(problem['input'])}"
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            return f"{path}: {message[:1].lower()}{message[1:]}, not {_shown(problem['input'])}"


def _better(place: _Place, name: str) -> str:
    """Where an unknown argument belongs, or what it was probably meant to be."""
    for field in _names(place.model):
        nested = _nested(place.model, field)
        if nested is not None and name in _names(nested):
            return f" (it goes into {field})"
    near = did_you_mean(name, _names(place.model)).rstrip(".")
    return f" ({near})" if near.startswith("Did") else ""


def _takes(owner: str, model: type[Arguments]) -> str:
    required = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
    names = [f"{name}*" if name in required else name for name in _names(model)]
    return f"{owner} takes {', '.join(names) or 'nothing'}."


def _names(model: type[Arguments]) -> list[str]:
    """As callers write them, the operation's own before those that every change takes."""
    fields = sorted(model.model_fields.items(), key=lambda item: item[0] in Mutation.model_fields)
    return [field.alias or name for name, field in fields]


def _nested(model: type[Arguments], name: str) -> type[Arguments] | None:
    """The model of a field's value, or of the items in it."""
    for key, field in model.model_fields.items():
        if name in (key, field.alias):
            return _model_in(field.annotation)
    return None


def _model_in(annotation: object) -> type[Arguments] | None:
    if isinstance(annotation, type) and issubclass(annotation, Arguments):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _owner(path: str, *, is_list: bool = False) -> str:
    """What stands before "takes": every item of a list takes the same."""
    name, bracket, _ = path.partition("[")
    return f"Each of {name}" if bracket or is_list else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
