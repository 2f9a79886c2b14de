"""The sub-commands `taeda package` and `taeda serve`, entry points of the group `taeda.commands`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from taeda_serve.errors import ArchiveError, ServeError, explain
from taeda_serve.manifest import Json, TensorSpec

__all__ = ["PackageCommand", "ServeCommand", "main", "package_command", "serve_command"]


class PackageCommand:
    """Writes an archive from a checkpoint."""

    name = "package"
    help = "write a trained model, its preprocessing and its labels as one .taeda archive"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("checkpoint", help=".safetensors, .pt, .pth or .ckpt file with the weights")
        parser.add_argument("--out", required=True, help="archive to write, for example digits.taeda")
        parser.add_argument("--name", required=True, help="name to serve the model under")
        parser.add_argument("--version", default="1", help="version to serve it under (default: 1)")
        parser.add_argument(
            "--architecture",
            required=True,
            metavar="MODULE:ATTR",
            help="for example taeda_vision.models:resnet18",
        )
        parser.add_argument(
            "--arguments", default="{}", metavar="JSON", help="its keyword arguments, JSON or a .json file"
        )
        parser.add_argument(
            "--preprocessing",
            default="[]",
            metavar="JSON",
            help='list of {"name": ..., "args": {...}}, or a .json file',
        )
        parser.add_argument(
            "--labels", metavar="A,B,C", help="class names: comma separated, or a .json or .txt file"
        )
        parser.add_argument(
            "--input",
            action="append",
            metavar="NAME:DATATYPE:SHAPE",
            help="an input without preprocessing: x:FP32:-1,8",
        )
        parser.add_argument("--output", action="append", metavar="NAME", help="name of an output")
        parser.add_argument(
            "--activation", choices=("softmax", "sigmoid", "none"), help="applied to the first output"
        )
        parser.add_argument(
            "--prefix", default="", help="take only keys with this prefix, for example 'model.'"
        )
        parser.add_argument("--accuracy", type=float, help="kept in the archive as a fact")
        parser.add_argument("--date", help="kept in the archive as a fact")
        _add_trust(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Write the archive; 0 on success, 2 for anything invalid."""
        from taeda_serve.packaging import package

        facts = {"checkpoint": Path(args.checkpoint).name, "accuracy": args.accuracy, "date": args.date}
        try:
            manifest = package(
                args.checkpoint,
                args.out,
                name=args.name,
                version=args.version,
                architecture=args.architecture,
                arguments=_read_json(args.arguments, "--arguments", dict),
                preprocessing=_read_json(args.preprocessing, "--preprocessing", list),
                labels=_read_labels(args.labels),
                inputs=[_read_spec(text) for text in args.input] if args.input else None,
                outputs=args.output,
                activation=args.activation,
                provenance={name: fact for name, fact in facts.items() if fact is not None},
                prefix=args.prefix,
                trust=tuple(args.trust),
            )
        except (ArchiveError, OSError, ValueError) as error:
            return _fail("package", error)
        print(f"wrote {args.out}: {manifest.name} {manifest.version}, {Path(args.out).stat().st_size} bytes")
        return 0


class ServeCommand:
    """Serves archives over HTTP."""

    name = "serve"
    help = "serve .taeda archives over HTTP with dynamic batching"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("archives", nargs="+", metavar="ARCHIVE", help="archives to serve")
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument(
            "--port", type=int, default=8080, help="port to listen on, 0 for a free one (default: 8080)"
        )
        parser.add_argument("--workers", type=int, default=1, help="processes per model (default: 1)")
        parser.add_argument(
            "--threads", type=int, default=0, help="threads per worker (default: cores shared evenly)"
        )
        parser.add_argument("--max-batch", type=int, default=16, help="rows in a batch (default: 16)")
        parser.add_argument(
            "--max-delay-ms",
            type=float,
            default=2.0,
            help="time that a request waits for company (default: 2)",
        )
        parser.add_argument("--queue-rows", type=int, default=256, help="rows that may wait (default: 256)")
        parser.add_argument(
            "--max-body-mb", type=float, default=16.0, help="largest request body (default: 16)"
        )
        parser.add_argument(
            "--request-timeout", type=float, default=30.0, help="seconds per request (default: 30)"
        )
        parser.add_argument(
            "--management-token",
            default=os.environ.get("TAEDA_SERVE_TOKEN"),
            help="allows registering models with this token (default: $TAEDA_SERVE_TOKEN; else nobody can)",
        )
        parser.add_argument(
            "--model-store", help="folder that models may be registered from (default: of the first archive)"
        )
        parser.add_argument("--access-log", action="store_true", help="log every request")
        _add_trust(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Serve until told to stop; 0 after that, 2 if it could not start."""
        from taeda_serve.batching import BatchPolicy
        from taeda_serve.server import serve
        from taeda_serve.settings import Settings

        logging.basicConfig(
            level=logging.INFO if args.access_log else logging.WARNING, format="%(levelname)s %(message)s"
        )
        try:
            if not 0 <= args.port <= 65535:
                raise ValueError(f"--port: expected 0 to 65535, got {args.port}; 0 takes a free one")
            for option in ("workers", "max_body_mb", "request_timeout"):
                if getattr(args, option) <= 0:
                    raise ValueError(
                        f"--{option.replace('_', '-')}: expected more than 0, got {getattr(args, option)}"
                    )
            settings = Settings(
                host=args.host,
                port=args.port,
                workers=args.workers,
                threads=args.threads,
                batching=BatchPolicy(args.max_batch, args.max_delay_ms / 1e3, args.queue_rows),
                max_body=int(args.max_body_mb * 2**20),
                request_timeout=args.request_timeout,
                management_token=args.management_token or None,
                model_store=args.model_store or str(Path(args.archives[0]).resolve().parent),
                trust=tuple(args.trust),
                access_log=args.access_log,
            )
            serve(args.archives, settings)
        except (ServeError, OSError, ValueError) as error:
            return _fail("serve", error)
        return 0


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE:ATTR",
        help="run this architecture although it is not on the allow-list; only for code that you know",
    )


def _fail(command: str, error: Exception) -> int:
    print(f"taeda {command}: {error}", file=sys.stderr)
    return 2


def _read_json(text: str, option: str, kind: type) -> Json:
    if text.endswith(".json"):
        text = Path(text).read_text(encoding="utf-8")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArchiveError.about(
            option,
            expected="JSON or the path of a .json file",
            got=f"text that fails with '{error}'",
            fix="check the quotes",
        ) from None
    if not isinstance(value, kind):
        expected = "an object" if kind is dict else "a list"
        raise ArchiveError.about(
            option, expected=f"JSON with {expected}", got=repr(value)[:60], fix="check the brackets"
        )
    return value


def _read_labels(text: str | None) -> list[str] | None:
    if text is None:
        return None
    if text.endswith(".json"):
        labels: list[str] = _read_json(text, "--labels", list)
        return labels
    if text.endswith(".txt"):
        return [line.strip() for line in Path(text).read_text(encoding="utf-8").splitlines() if line.strip()]
    return [label.strip() for label in text.split(",")]


def _read_spec(text: str) -> TensorSpec:
    try:
        name, datatype, shape = text.split(":")
        return TensorSpec(name, datatype, tuple(int(size) for size in shape.split(",")))
    except ValueError:
        raise ValueError(
            explain("--input", expected="NAME:DATATYPE:SHAPE", got=repr(text), fix="for example x:FP32:-1,8")
        ) from None


package_command = PackageCommand()
serve_command = ServeCommand()


def main(argv: Sequence[str] | None = None) -> int:
    """Run `package` or `serve` without the `taeda` command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="taeda")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (package_command, serve_command):
        child = commands.add_parser(command.name, help=command.help, description=command.help)
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    args = parser.parse_args(argv)
    result: int = args.run(args)
    return result
