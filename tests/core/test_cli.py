"""The `taeda` command and its plug-ins."""

import json
import re
from importlib import metadata

import pytest

from taeda.cli import CommandError, main


class Greet:
    """A well-behaved plug-in."""

    name = "greet"
    help = "say hello"

    def add_arguments(self, parser):
        parser.add_argument("who")
        parser.add_argument("--times", type=int, default=1)

    def run(self, args):
        if args.who == "nobody":
            raise CommandError("there is nobody\nhere")
        if args.who == "file":
            raise FileNotFoundError(2, "No such file or directory", "/no/such/file")
        if args.who == "defect":
            raise KeyError("oops")
        if args.who == "stop":
            raise KeyboardInterrupt
        print("hello " * args.times + args.who)
        return 7 if args.who == "seven" else 0


class Versioned(Greet):
    """Has an option that the `taeda` command has too."""

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--version", default="1")


class Unfinished:
    name = "unfinished"
    help = "has no run"


class BadArguments(Greet):
    def add_arguments(self, parser):
        raise RuntimeError("cannot declare")


@pytest.fixture
def plug_in(monkeypatch):
    """Makes entry points: name -> "module:attribute" of this file, or of nothing."""

    def install(**entries):
        found = [
            metadata.EntryPoint(name=name, value=value, group="taeda.commands")
            for name, value in entries.items()
        ]
        monkeypatch.setattr(metadata, "entry_points", lambda group: metadata.EntryPoints(found))
        monkeypatch.setattr(metadata.EntryPoint, "load", lambda entry: _load(entry.value))

    install()
    return install


def _load(value):
    known = {"greet": Greet, "versioned": Versioned, "unfinished": Unfinished, "arguments": BadArguments}
    if value not in known:
        raise ImportError(f"No module named '{value}'\nwith a second line")
    return known[value]


FACTS = {
    "version": "1.2.3",
    "isa": "avx2",
    "threads": 2,
}


@pytest.fixture(autouse=True)
def build_info(monkeypatch):
    import taeda

    monkeypatch.setattr(taeda._C, "_build_info", lambda: dict(FACTS), raising=False)


def test_info(plug_in, capsys):
    assert main(["info"]) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["taeda"] == "1.2.3"
    assert lines["isa"] == "avx2"
    assert lines["threads"] == "2"
    assert re.fullmatch(r"oneDNN 3\.\d+\.\d+, OpenBLAS 0\.\d+\.\d+\S*", lines["libraries"])
    assert lines["devices"].startswith("cpu")
    assert {"python", "packages"} <= set(lines)


def test_info_for_programs(plug_in, capsys):
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["threads"] == FACTS["threads"]


def test_plug_ins_run(plug_in, capsys):
    plug_in(greet="greet")
    assert main(["greet", "world", "--times", "2"]) == 0
    assert capsys.readouterr().out == "hello hello world\n"
    assert main(["greet", "seven"]) == 7


def test_an_option_of_a_plug_in_may_be_called_version(plug_in, capsys):
    plug_in(greet="versioned")
    assert main(["greet", "world"]) == 0
    assert main(["greet", "world", "--version", "3"]) == 0
    assert capsys.readouterr().out == "hello world\n" * 2


def test_help_lists_all_commands(plug_in, capsys):
    plug_in(greet="greet")
    assert main([]) == 0
    text = capsys.readouterr().out
    assert "greet" in text
    assert "say hello" in text
    assert "info" in text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("missing", "ImportError: No module named 'missing' with a second line"),
        ("unfinished", "TypeError: unfinished has no add_arguments, run"),
        ("arguments", "RuntimeError: cannot declare"),
    ],
)
def test_a_broken_plug_in_is_one_warning(plug_in, capsys, value, reason):
    plug_in(broken=value, greet="greet")
    assert main(["info"]) == 0
    output = capsys.readouterr()
    assert "avx2" in output.out
    (line,) = output.err.splitlines()
    assert line.startswith("taeda: warning: command 'broken'")
    assert line.endswith(reason)
    assert main(["greet", "world"]) == 0
    assert main(["broken"]) == 2
    assert f"{reason}; reinstall or update that package" in capsys.readouterr().err


def test_unknown_commands_suggest_near_ones(plug_in, capsys):
    plug_in(greet="greet")
    assert main(["inof"]) == 2
    assert capsys.readouterr().err == "taeda: error: unknown command 'inof'; did you mean 'info'?\n"
    assert main(["xyzzy"]) == 2
    assert capsys.readouterr().err == (
        "taeda: error: unknown command 'xyzzy'; known: greet, info; "
        "packages such as taeda-lightning and taeda-serve bring others\n"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["greet", "nobody"], "taeda: error: there is nobody here\n"),
        (["greet", "file"], "taeda: error: [Errno 2] No such file or directory: '/no/such/file'\n"),
        (["greet"], "taeda: error: the following arguments are required: who (see `taeda greet --help`)\n"),
        (
            ["greet", "a", "--times", "x"],
            "argument --times: invalid int value: 'x' (see `taeda greet --help`)\n",
        ),
        (["--wrong"], "unrecognized arguments: --wrong (see `taeda --help`)\n"),
    ],
)
def test_errors_of_the_user_are_one_line(plug_in, capsys, words, text):
    plug_in(greet="greet")
    assert main(words) == 2
    output = capsys.readouterr()
    assert output.err.endswith(text)
    assert len(output.err.splitlines()) == 1
    assert output.out == ""


def test_defects_show_their_traceback(plug_in):
    plug_in(greet="greet")
    with pytest.raises(KeyError, match="oops"):
        main(["greet", "defect"])


def test_interruption(plug_in, capsys):
    plug_in(greet="greet")
    assert main(["greet", "stop"]) == 130
    assert capsys.readouterr().err == "taeda: interrupted\n"


def test_version(plug_in, capsys):
    import taeda

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"taeda {taeda.__version__}\n"
