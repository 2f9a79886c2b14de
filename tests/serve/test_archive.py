import hashlib
import json
import zipfile
from pathlib import Path

import pytest

import taeda_serve
from taeda_serve.archive import LABELS, MANIFEST, WEIGHTS, parse_labels, read_archive, write_archive
from taeda_serve.errors import ArchiveError

from .conftest import package_colour


@pytest.fixture
def parts(store: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(store / "colour.taeda") as file:
        return {name: file.read(name) for name in file.namelist()}


def rebuild(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return path


def changed(parts: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    manifest = json.loads(parts[MANIFEST])
    for dotted, value in changes.items():
        *path, last = dotted.split("__")
        at = manifest
        for key in path:
            at = at[key]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return {**parts, MANIFEST: json.dumps(manifest).encode()}


def test_an_archive_has_three_stored_members_and_no_code(store):
    with zipfile.ZipFile(store / "colour.taeda") as file:
        assert file.namelist() == [MANIFEST, LABELS, WEIGHTS]
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}
        assert json.loads(file.read(LABELS)) == ["red", "green", "blue"]


def test_reading_returns_what_was_written(store):
    archive = read_archive(store / "colour.taeda")
    manifest = archive.manifest
    assert (manifest.name, manifest.version, manifest.activation) == ("colour", "1", "softmax")
    assert archive.labels == ("red", "green", "blue")
    assert manifest.inputs == (taeda_serve.TensorSpec("image", "FP32", (-1, 3, 8, 8)),)
    assert manifest.outputs == (taeda_serve.TensorSpec("probabilities", "FP32", (-1, 3)),)
    assert manifest.provenance == {"accuracy": 1.0}


def test_equal_models_give_equal_bytes(tmp_path):
    package_colour(tmp_path / "a.taeda")
    package_colour(tmp_path / "b.taeda")
    assert (tmp_path / "a.taeda").read_bytes() == (tmp_path / "b.taeda").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, store, monkeypatch):
    path = tmp_path / "a.taeda"
    path.write_bytes(b"old")
    archive = read_archive(store / "colour.taeda")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_archive(path, archive.manifest, archive.labels, archive.weights)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.taeda"]


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"no\.taeda: expected a \.taeda archive, got nothing there; check the path"
    ):
        read_archive(tmp_path / "no.taeda")
    with pytest.raises(FileNotFoundError, match="got a folder"):
        read_archive(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files(tmp_path, store, share):
    data = (store / "colour.taeda").read_bytes()
    path = tmp_path / "cut.taeda"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(
        ArchiveError, match=r"expected a complete \.taeda archive \(a zip file\), got \d+ bytes that fail"
    ):
        read_archive(path)


def test_every_flipped_byte_of_the_weights_is_found(tmp_path, store, parts):
    data = (store / "colour.taeda").read_bytes()
    at = data.index(parts[WEIGHTS])
    for offset in range(at, at + len(parts[WEIGHTS]), 17):
        broken = bytearray(data)
        broken[offset] ^= 1
        (tmp_path / "x.taeda").write_bytes(broken)
        with pytest.raises(ArchiveError, match="CRC"):
            read_archive(tmp_path / "x.taeda")


def test_replaced_weights_fail_their_digest(tmp_path, parts):
    path = rebuild(tmp_path / "x.taeda", {**parts, WEIGHTS: parts[WEIGHTS] + b" "})
    with pytest.raises(
        ArchiveError,
        match=r"weights\.safetensors: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}; .*altered",
    ):
        read_archive(path)


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "code.py", "weights.safetensors/../x"])
def test_other_members_are_refused(tmp_path, parts, name):
    path = rebuild(tmp_path / "x.taeda", {**parts, name: b"print('hello')"})
    with pytest.raises(
        ArchiveError, match=r"expected the members .* only, got a member named .*do not use this archive"
    ):
        read_archive(path)
    assert [each.name for each in tmp_path.iterdir()] == ["x.taeda"]


def test_missing_and_doubled_members(tmp_path, parts):
    lacking = {name: data for name, data in parts.items() if name != LABELS}
    with pytest.raises(ArchiveError, match=r"missing: labels\.json"):
        read_archive(rebuild(tmp_path / "x.taeda", lacking))
    path = rebuild(tmp_path / "y.taeda", parts)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr(LABELS, b"null")
    with pytest.raises(ArchiveError, match="a member twice"):
        read_archive(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, parts):
    path = rebuild(tmp_path / "x.taeda", {**parts, WEIGHTS: bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(
        ArchiveError, match=r"expected a stored \(uncompressed\) member .* got \d+ bytes that unpack to"
    ):
        read_archive(path)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"format_version": 99},
            r"format_version: expected 1, got 99; install the taeda-serve that wrote it",
        ),
        ({"format_version": None}, "expected the key 'format_version', got only the keys"),
        ({"architecture": None}, "expected the key 'architecture'"),
        ({"architecture__reference": "os.system"}, r"architecture\.reference: expected a reference like"),
        ({"architecture__arguments": [1]}, r"architecture\.arguments: expected an object, got list"),
        ({"name": "../../x"}, r"name: expected 1 to 64 letters, digits"),
        ({"version": "1/2"}, r"version: expected 1 to 32 letters, digits or dots, got '1/2'"),
        ({"preprocessing": {}}, r"preprocessing: expected a list, got dict"),
        ({"preprocessing": [{"name": "ToTensor"}]}, r"preprocessing\[0\]: expected the key 'args'"),
        ({"signature__inputs": []}, r"signature\.inputs: expected at least one"),
        (
            {"signature__inputs": [{"name": "x", "datatype": "FP99", "shape": [-1]}]},
            "datatype: expected one of BOOL",
        ),
        (
            {"signature__inputs": [{"name": "x", "datatype": "FP32", "shape": [-2]}]},
            "expected integers, -1 for a free",
        ),
        ({"activation": "eval(x)"}, "activation: expected one of softmax, sigmoid, none, got 'eval"),
        ({"members": {"weights.safetensors": {"sha256": "0"}}}, "sha256: expected 64 hexadecimal digits"),
        ({"members": {}}, "expected SHA-256 None"),
    ],
)
def test_wrong_manifests(tmp_path, parts, changes, text):
    with pytest.raises(ArchiveError, match=text):
        read_archive(rebuild(tmp_path / "x.taeda", changed(parts, **changes)))


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object(tmp_path, parts, data):
    with pytest.raises(ArchiveError, match=r"manifest\.json: expected (JSON|an object)"):
        read_archive(rebuild(tmp_path / "x.taeda", {**parts, MANIFEST: data}))


def test_labels_that_are_no_json(tmp_path, parts):
    manifest = json.loads(parts[MANIFEST])
    manifest["members"][LABELS]["sha256"] = hashlib.sha256(b"[").hexdigest()
    broken = {**parts, LABELS: b"[", MANIFEST: json.dumps(manifest).encode()}
    with pytest.raises(ArchiveError, match=r"labels\.json: expected JSON, got text with"):
        read_archive(rebuild(tmp_path / "x.taeda", broken))


@pytest.mark.parametrize("value", [[], ["a", 1], "abc", ["a", "b", "a"], {"a": 1}])
def test_wrong_labels(value):
    with pytest.raises(ArchiveError, match=r"labels: expected (null or a list of strings|distinct labels)"):
        parse_labels(value, "labels")
