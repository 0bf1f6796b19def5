"""The one tree of errors.

Every error that a person or a program may see is one of these: a sentence that says what is wrong and
where, a hint that says what to do next, an exit code for the command line, and a status for HTTP. Each
edge (command line, MCP, JSON API) translates it once; nothing recognises an error by its text.

::

    HomeportError              1   500   failed; nothing changed, or all of it was undone
    ├── DeclarationChangedError  1  500   the declaration was changed under the command, which is to be run again
    ├── UsageError             2   400   the command line or the declaration is wrong
    ├── GuardError             3   403   refused by a guard (protected, another environment's, in use)
    ├── NeedsPersonError       5   500   failed half way; the text says exactly what is where
    │   └── UndecidedError     5   500   failed half way; the hint says between what a person must choose
    ├── CannotStartError      78   503   a server cannot start for a reason that no retry mends
    │   └── MigrationError    78   503   a migration failed, or left what is not right; the data are as they were
    └── CallError              1   400   a call of an operation was refused
        ├── InvalidError       1   400   arguments: unknown, wrong type, illegal value
        ├── UnauthorizedError  1   401   no token, or one that is not (or no longer) good
        ├── ForbiddenError     1   403   a good token that may not do this, or not in that name
        ├── NotFoundError      1   404   no such instance, project, task, message, lesson, role
        ├── ConflictError      1   409   the state of things forbids it (claimed, stale fence, illegal step)
        ├── TooLargeError      1   413   a text, list or body over its limit
        ├── LimitedError       1   429   too many calls; the hint says when to come again
        └── UnavailableError   1   503   the store cannot do it now (disk full, read-only, busy)
"""

from __future__ import annotations

from typing import ClassVar

from homeport.contract import ExitCode


class HomeportError(Exception):
    """Base of all errors that are meant to be read.

    Args:
        sentence: what is wrong and where, in one line.
        hint: what to do next, in one line; may be empty.
        details: facts for programs; must be JSON values and never hold a secret.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    http_status: ClassVar[int] = 500
    code: ClassVar[str] = "failed"

    def __init__(self, sentence: str, hint: str = "", **details: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}" if self.hint else self.sentence

    def as_json(self) -> dict[str, object]:
        """The form that programs get: ``{"code", "message", "hint"?, "details"?}``."""
        answer: dict[str, object] = {"code": self.code, "message": self.sentence}
        if self.hint:
            answer["hint"] = self.hint
        if self.details:
            answer["details"] = self.details
        return answer


class DeclarationChangedError(HomeportError):
    """The declaration was changed under the command, which has done nothing yet; run again it reads the new one."""


class UsageError(HomeportError):
    """The command line or the declaration is wrong; nothing was changed."""

    exit_code = ExitCode.USAGE
    http_status = 400
    code = "usage"


class GuardError(HomeportError):
    """A guard refused: a protected environment, another environment's data, something in use."""

    exit_code = ExitCode.REFUSED
    http_status = 403
    code = "refused"


class OperationRunsError(GuardError):
    """Another operation has the environment, here or on another machine; once it has ended this one may begin."""


class NeedsPersonError(HomeportError):
    """It failed and could not be undone; the text says exactly what is where."""

    exit_code = ExitCode.NEEDS_PERSON
    code = "needs_person"


class UndecidedError(NeedsPersonError):
    """It failed, and there are several ways on; the hint has the command of each."""


class CannotStartError(HomeportError):
    """A server cannot start, and starting it again will not help (systemd: RestartPreventExitStatus=78)."""

    exit_code = ExitCode.CANNOT_START
    http_status = 503
    code = "cannot_start"


class MigrationError(CannotStartError):
    """A migration failed, or what it left is not as it must be; it was undone."""

    code = "migration"


class CallError(HomeportError):
    """A call of an operation was refused; what was stored before is as it was."""

    http_status = 400
    code = "call"


class InvalidError(CallError):
    """Arguments that cannot be: unknown, of a wrong type, or with a value that is not allowed."""

    code = "invalid"


class UnauthorizedError(CallError):
    """The caller showed no token where one is needed, or one that is unknown, expired or revoked."""

    http_status = 401
    code = "unauthorized"


class ForbiddenError(CallError):
    """The caller is known and may not do this, or not in that name."""

    http_status = 403
    code = "forbidden"


class NotFoundError(CallError):
    """The thing that was named does not exist."""

    http_status = 404
    code = "not_found"


class ConflictError(CallError):
    """The present state forbids the call; reading that state again shows why."""

    http_status = 409
    code = "conflict"


class TooLargeError(CallError):
    """A text, a list or a body is over its limit."""

    http_status = 413
    code = "too_large"


class LimitedError(CallError):
    """The caller has used up its share for now."""

    http_status = 429
    code = "limited"


class UnavailableError(CallError):
    """The store cannot do it now: disk full, read-only, or busy for too long. Nothing was stored."""

    http_status = 503
    code = "unavailable"
