"""The `taeda` command.

Other packages add sub-commands through the entry point group `taeda.commands`. Each entry is an object with
`name` and `help` (texts), `add_arguments(parser)` and `run(args) -> int`. Errors of the user (wrong
file, wrong value) are raised as `CommandError`, `OSError` or `ValueError` and end in one line and exit status
2; everything else is a defect and shows its traceback.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn, Protocol

__all__ = ["Command", "CommandError", "InfoCommand", "main"]

ENTRY_POINT_GROUP = "taeda.commands"
USER_ERROR = 2
INTERRUPTED = 130
_SIBLINGS = ("taeda-vision", "taeda-text", "taeda-audio", "taeda-lightning", "taeda-serve")


class CommandError(Exception):
    """Something the user can put right; its message is shown as one line."""


class Command(Protocol):
    """A sub-command."""

    name: str
    help: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares options and arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Does the work; returns the exit status."""


class InfoCommand:
    """`taeda info`: what this installation is made of."""

    name = "info"
    help = "show version, instruction set, threads, libraries, devices and installed packages"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """`--json`: for programs."""
        parser.add_argument("--json", action="store_true", help="print the same as JSON")

    def run(self, args: argparse.Namespace) -> int:
        """Prints the facts."""
        facts = _facts()
        if args.json:
            import json

            print(json.dumps(facts, indent=2))
            return 0
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            print(f"{name:<{width}}  {_as_text(value)}")
        return 0


def _facts() -> dict[str, object]:
    import platform

    import taeda

    build = dict(taeda._C._build_info())
    facts: dict[str, object] = {"taeda": build.pop("version", None) or taeda.__version__}
    facts["python"] = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    facts["isa"] = build.pop("isa", None)
    facts["threads"] = build.pop("threads", None) or taeda.get_num_threads()
    facts["libraries"] = _native_libraries()
    facts["devices"] = _devices()
    facts["packages"] = _installed_siblings()
    facts.update(build)
    return facts


def _native_libraries() -> dict[str, str]:
    """Versions of the libraries that the core calls, as they say themselves."""
    import ctypes
    from pathlib import Path

    import taeda

    folder = Path(taeda._C.__file__).parent
    versions = {}
    if (folder / "libtaeda_onednn.so").exists():
        # oneDNN comes with the package, or is the system's.
        bundled = folder / "libdnnl.so.3"
        library = ctypes.CDLL(str(bundled if bundled.exists() else bundled.name))
        library.dnnl_version.restype = ctypes.POINTER(ctypes.c_int * 3)
        versions["oneDNN"] = ".".join(str(part) for part in library.dnnl_version().contents)
    if (folder / "libscipy_openblas.so").exists():
        library = ctypes.CDLL(str(folder / "libscipy_openblas.so"))
        library.scipy_openblas_get_config.restype = ctypes.c_char_p
        versions["OpenBLAS"] = library.scipy_openblas_get_config().decode().split()[1]
    return versions


def _devices() -> list[str]:
    import taeda

    devices = ["cpu"]
    if taeda.cuda.is_available():
        names = map(taeda.cuda.get_device_name, range(taeda.cuda.device_count()))
        devices += [f"cuda:{index} ({name})" for index, name in enumerate(names)]
    return devices


def _installed_siblings() -> dict[str, str]:
    installed = {}
    for name in _SIBLINGS:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)


def _plugged_in(wanted: str | None) -> tuple[dict[str, Command], dict[str, str]]:
    """The commands of other packages, and for each that cannot be used the reason.

    When the wanted command is one of them, the others are not even imported.
    """
    commands: dict[str, Command] = {}
    broken: dict[str, str] = {}
    entries = metadata.entry_points(group=ENTRY_POINT_GROUP)
    for entry in entries.select(name=wanted) if wanted in entries.names else entries:
        owner = entry.dist.name if entry.dist is not None else "an unknown package"
        try:
            command = entry.load()
            if isinstance(command, type):
                command = command()
            missing = [
                name for name in ("name", "help", "add_arguments", "run") if not hasattr(command, name)
            ]
            if missing:
                raise TypeError(f"{entry.value} has no {', '.join(missing)}")
            commands[entry.name] = command
        except Exception as error:
            # Whatever goes wrong in a plug-in must not take the other commands down.
            summary = " ".join(str(error).split())
            broken[entry.name] = (
                f"command '{entry.name}' of {owner} is broken: {type(error).__name__}: {summary}"
            )
    return commands, broken


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see `{self.prog} --help`)")


def _parser(commands: dict[str, Command], broken: dict[str, str]) -> tuple[_Parser, dict[str, str]]:
    """The parser, and the commands whose declaration of arguments failed."""
    parser = _Parser(prog="taeda", description="A PyTorch-API deep-learning suite.")
    parser.add_argument(
        "--version", action="store_true", dest="shows_own_version", help="show the version and exit"
    )
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in sorted(commands.items()):
        own = _Parser(prog=f"taeda {name}", description=command.help)
        try:
            command.add_arguments(own)
        except Exception as error:
            broken[name] = (
                f"command '{name}' is broken: {type(error).__name__}: {' '.join(str(error).split())}"
            )
            continue
        choices.add_parser(
            name,
            help=command.help,
            description=command.help,
            parents=[own],
            add_help=False,
            prog=f"taeda {name}",
        )
    return parser, broken


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status.

    Args:
        arguments: without the program's name (default: those of this process).

    Example:
        >>> main(["no-such-command"])
        2
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in words if not word.startswith("-")), None)
    commands, broken = _plugged_in(wanted)
    own = InfoCommand()
    commands[own.name] = own
    parser, broken = _parser(commands, broken)
    for reason in broken.values():
        _say(f"warning: {reason}")
    try:
        if wanted in broken:
            raise CommandError(f"{broken[wanted]}; reinstall or update that package")
        if wanted is not None and wanted not in commands:
            raise CommandError(_unknown(wanted, commands))
        options = parser.parse_args(words)
        if options.shows_own_version:
            print(_version())
            return 0
        if options.command is None:
            parser.print_help()
            return 0
        return int(commands[options.command].run(options) or 0)
    except Exception as error:
        if not _is_user_error(error):
            raise
        _say(f"error: {' '.join(str(error).split())}")
        return USER_ERROR
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED


def _is_user_error(error: Exception) -> bool:
    """Can the user put it right, so that one line is enough?"""
    import pickle

    from taeda._download import DownloadError

    return isinstance(
        error, (CommandError, OSError, ValueError, EOFError, pickle.UnpicklingError, DownloadError)
    )


def _unknown(wanted: str, commands: dict[str, Command]) -> str:
    near = difflib.get_close_matches(wanted, commands, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(repr(name) for name in near)}?"
        if near
        else f"known: {', '.join(sorted(commands))}; packages such as taeda-lightning and taeda-serve bring others"
    )
    return f"unknown command '{wanted}'; {hint}"


def _version() -> str:
    import taeda

    return f"taeda {taeda.__version__}"


def _say(line: str) -> None:
    print(f"taeda: {line}", file=sys.stderr)
