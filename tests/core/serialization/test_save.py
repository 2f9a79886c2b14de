"""Saving, and loading what was saved; files that are of another kind."""

import builtins
import collections
import gzip
import io
import math
import os
import pickle
import stat
import zipfile

import numpy as np
import pytest

import taeda
from taeda._serialization.atomic_file import atomic_writer
from taeda.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    load,
    safe_globals,
    save,
)


def round_trip(value):
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        255,
        256,
        -(2**31),
        2**31,
        2**200,
        -(2**200),
        0.1,
        math.inf,
        "",
        "ünï ☃ \ud800",
        b"",
        bytes(range(256)),
        bytearray(b"xy"),
        1 - 2j,
        [],
        (),
        {},
        set(),
        {1, 2},
        {"a", 1},
        (1, (2, (3,))),
        {"a": [1, {"b": (None,)}], 2: 3, None: 4, (1, 2): 5},
        collections.OrderedDict([("z", 1), ("a", [2])]),
        list(range(1000)),
        taeda.float16,
        taeda.device("cpu"),
        taeda.Size([2, 3]),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_plain_data(value):
    found = round_trip(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "dtype",
    [
        "float64",
        "float32",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
        "complex64",
        "complex128",
    ],
)
def test_tensors(dtype):
    base = taeda.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(taeda, dtype))
    views = {
        "base": base,
        "turned": base.t(),
        "part": base[1:, ::2],
        "number": base[1, 1],
        "none": base[:0],
        "wide": base[0].expand(4, 3),
    }
    found = round_trip(views)
    for name, view in views.items():
        assert found[name].dtype == view.dtype
        assert found[name].stride() == view.stride()
        assert found[name].storage_offset() == view.storage_offset()
        assert taeda.equal(found[name], view)
    found["base"].zero_()
    assert not bool(found["turned"].to(taeda.bool).any())


def test_gradients_and_parameters():
    found = round_trip(
        {
            "leaf": taeda.ones(2, requires_grad=True),
            "frozen": taeda.nn.Parameter(taeda.ones(1), requires_grad=False),
        }
    )
    assert found["leaf"].requires_grad
    assert isinstance(found["frozen"], taeda.nn.Parameter)
    assert not found["frozen"].requires_grad


def test_state_dicts_keep_their_metadata():
    state = collections.OrderedDict(weight=taeda.ones(1))
    state._metadata = collections.OrderedDict([("", {"version": 2})])
    assert round_trip(state)._metadata == state._metadata


def test_shared_objects_and_cycles():
    shared = [1]
    found = round_trip({"a": shared, "b": shared})
    assert found["a"] is found["b"]
    cycle = {}
    cycle["self"] = cycle
    found = round_trip(cycle)
    assert found["self"] is found


def test_records_are_aligned_and_named_as_torch_does(tmp_path):
    path = tmp_path / "a.pt"
    save({"a": taeda.ones(3), "b": taeda.ones(1000, dtype=taeda.int8)}, path)
    with zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist()]
        assert {
            "archive/data.pkl",
            "archive/byteorder",
            "archive/version",
            "archive/data/0",
            "archive/data/1",
        } <= set(names)
        assert archive.read("archive/version") == b"3\n"
        content = path.read_bytes()
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            begin = entry.header_offset + 30 + sum(content[entry.header_offset + at] for at in (26, 28))
            assert begin % 64 == 0, entry.filename


def test_equal_content_gives_equal_files():
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        save({"a": taeda.arange(5), "names": {"x", "y", "z"}}, file)
    assert files[0].getvalue() == files[1].getvalue()


Point = collections.namedtuple("Point", ["x", "y"])


class Trainer:
    def state_dict(self):
        return {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"model": [0, Trainer()]},
            r"of type .*Trainer at \['model'\]\[1\]; store its state_dict\(\) instead",
        ),
        (
            {"acc": np.float64(1)},
            r"of type numpy.float64 at \['acc'\]; store taeda.from_numpy\(array\) or scalar.item\(\)",
        ),
        ([np.ones(2)], r"of type numpy.ndarray at \[0\]"),
        (Point(1, 2), r"Point at the top level; store tuple\(value\)"),
        (
            {"f": len},
            "only tensors, numbers, texts, bytes, None, lists, tuples, dicts and sets can be stored",
        ),
        (frozenset(), "builtins.frozenset"),
    ],
)
def test_objects_are_refused_with_their_place(value, text):
    with pytest.raises(TypeError, match=text):
        round_trip(value)


def test_endless_nesting_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        round_trip(value)


@pytest.mark.parametrize(
    "options", [{"pickle_module": 3}, {"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}]
)
def test_options_that_cannot_be_honoured(options):
    with pytest.raises(ValueError, match="save: "):
        save({}, io.BytesIO(), **options)


def test_targets(tmp_path):
    class Stream:
        """Neither seekable nor tellable, as a socket's file."""

        def __init__(self):
            self.content = b""

        def write(self, content):
            self.content += bytes(content)

    stream = Stream()
    save([1], stream)
    assert load(io.BytesIO(stream.content)) == [1]
    save([2], str(tmp_path / "text path.pt"))
    assert load(tmp_path / "text path.pt") == [2]
    with builtins.open(tmp_path / "opened.pt", "wb") as file:
        save([3], file)
    with builtins.open(tmp_path / "opened.pt", "rb") as file:
        assert load(file) == [3]
    with pytest.raises(AttributeError, match="a file-like object with a 'write' attribute, got int"):
        save([1], 3)
    with pytest.raises(
        FileNotFoundError, match=r"Parent directory .*nowhere does not exist; create it first"
    ):
        save([1], tmp_path / "nowhere" / "a.pt")


class ReadOnce(io.RawIOBase):
    """A stream that can only be read forward."""

    def __init__(self, content):
        self._inner = io.BytesIO(content)

    def readable(self):
        return True

    def seekable(self):
        return False

    def readinto(self, buffer):
        return self._inner.readinto(buffer)


def test_sources(tmp_path):
    file = io.BytesIO()
    save([1], file)
    assert load(ReadOnce(file.getvalue())) == [1]
    behind = io.BytesIO(b"head" + file.getvalue())
    behind.seek(4)
    assert load(behind) == [1]
    with pytest.raises(IsADirectoryError, match="is a folder; name the file inside it"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.pt")
    with pytest.raises(AttributeError, match="got int"):
        load(3)
    with pytest.raises(TypeError, match="open in text mode; open it with mode 'rb'"):
        load(_TextFile())


class _TextFile:
    def read(self, count=-1):
        return "text"


# -- atomic writing
# -------------------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pt"
    save({"step": 1}, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save({"step": 2, "bad": object()}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.pt"]


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_errors_at_every_step_leave_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    if failing != "write":
        monkeypatch.setattr(os, failing, fail)

    def write():
        with atomic_writer(path) as file:
            file.write(b"new")
            if failing == "write":
                fail()

    with pytest.raises(OSError, match="No space left"):
        write()
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_permissions_and_links_are_kept(tmp_path):
    real = tmp_path / "real.pt"
    save([1], real)
    assert stat.S_IMODE(real.stat().st_mode) == 0o666 & ~_umask()
    real.chmod(0o640)
    link = tmp_path / "link.pt"
    link.symlink_to(real)
    save([2], link)
    assert link.is_symlink()
    assert load(real) == [2]
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_devices_are_written_directly():
    save([1], "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


# -- files of another kind
# ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            b"<!DOCTYPE html><html>404</html>",
            r"a web page \(HTML\); the download probably led to a login or error page",
        ),
        (b"\n  <html lang='en'>", r"a web page \(HTML\)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n",
            "a git-lfs pointer.*run `git lfs pull`",
        ),
        (gzip.compress(b"x"), "a gzip archive; unpack it first"),
        (b"\x89HDF\r\n\x1a\n....", "an HDF5 file .*read it with h5py"),
        (b"\x93NUMPY\x01\x00", "a NumPy array file"),
        (b"GGUF\x03\0\0\0", "a GGUF file"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b'{"a": 1}', "a JSON text"),
        (b"hello there", "a text file"),
        (b"\0" * 100, "zero bytes only; the download or copy was probably interrupted"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a", "unknown data beginning with"),
        (b"a" * 257 + b"ustar\x0000" + b"\0" * 300, "a tar archive"),
        (b"<?xml version='1.0'?>", "an XML file"),
    ],
)
def test_wrong_files_are_recognised(tmp_path, content, text):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match=f"expected a checkpoint.*{text}.*model.pt"):
        load(path)


def test_empty_files(tmp_path):
    (tmp_path / "empty.pt").touch()
    with pytest.raises(EOFError, match=r"Ran out of input: the file is empty.*\[file: .*empty.pt\]"):
        load(tmp_path / "empty.pt")


def test_running_programs_is_no_option():
    with pytest.raises(ValueError, match="weights_only=False would run whatever program the file contains"):
        load(io.BytesIO(b"x"), weights_only=False)
    with pytest.raises(ValueError, match="leave out pickle_module"):
        load(io.BytesIO(b"x"), pickle_module=pickle)
    with pytest.raises(TypeError, match=r"unknown options \['fix_imports'\]"):
        load(io.BytesIO(b"x"), fix_imports=True)


# -- names allowed by the user
# --------------------------------------------------------------------------------


class Config:
    def __init__(self, size):
        self.size = size


def _config_file():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02cproject\nConfig\n)\x81}X\x04\x00\x00\x00sizeK\x05sb.")
    file.seek(0)
    return file


def test_classes_can_be_allowed():
    with pytest.raises(pickle.UnpicklingError, match=r"asks for the global project\.Config"):
        load(_config_file())
    with safe_globals([(Config, "project.Config")]):
        found = load(_config_file())
    assert isinstance(found, Config)
    assert found.size == 5
    with pytest.raises(pickle.UnpicklingError):
        load(_config_file())
    add_safe_globals([Config])
    assert get_safe_globals() == [Config]
    clear_safe_globals()
    assert get_safe_globals() == []
