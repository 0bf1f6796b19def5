"""What is typed to run an environment's server: in one place for units, plain processes and pulls."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.environments.environment import Environment


def serve_command(environment: Environment, file: PurePosixPath, python: PurePosixPath) -> tuple[str, ...]:
    """The arguments that run the server in the foreground.

    Args:
        environment: whose.
        file: its declaration, absolute.
        python: the interpreter that Homeport is installed for; not used for another server, nor where the
            environment runs from a checkout, which has its own.
    """
    if environment.is_foreign:
        return environment.service.command
    if environment.service.checkout is not None:
        python = environment.service.checkout / ".venv" / "bin" / "python"
    return _serve(environment, file, python)


def reload_command(environment: Environment, file: PurePosixPath, python: PurePosixPath) -> tuple[str, ...]:
    """The arguments that run the server and exchange it whenever its source changes.

    It is what is installed that does so, never the checkout, which may not start.

    Args:
        environment: whose.
        file: its declaration, absolute.
        python: the interpreter that Homeport is installed for.
    """
    return (*_serve(environment, file, python), "--reload")


def _serve(environment: Environment, file: PurePosixPath, python: PurePosixPath) -> tuple[str, ...]:
    # -P keeps a directory called homeport in the working directory from being taken for the package.
    return (str(python), "-P", "-m", "homeport", "serve", environment.name, "--config", str(file))
