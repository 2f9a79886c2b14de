"""Files of torch read by taeda, and the other way round."""

import collections
import io

import numpy as np
import pytest

import taeda
from taeda.serialization import load, save

torch = pytest.importorskip("torch")

DTYPES = [
    *("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"),
    *("complex64", "complex128"),
]


def numbers(library, dtype):
    return library.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(library, dtype))


def objects(library):
    """The same nested object made by one library or the other."""
    base = library.arange(12, dtype=library.float32).reshape(3, 4)
    state = collections.OrderedDict(weight=base, tied=base, turned=base.t(), part=base[1:, ::2])
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return {
        "state": state,
        "parameter": library.nn.Parameter(library.ones(2)),
        "frozen": library.nn.Parameter(library.ones(2), requires_grad=False),
        "leaf": library.ones(2, requires_grad=True),
        "empty": library.empty(0, 3),
        "number": library.tensor(2.5),
        "wide": library.arange(3).expand(5, 3),
        "dtype": library.float16,
        "size": library.Size([1, 2]),
        "device": library.device("cpu"),
        "dtypes": {dtype: numbers(library, dtype) for dtype in DTYPES},
        "plain": [
            None,
            True,
            -1,
            2**40,
            -(2**70),
            0.5,
            "ü",
            b"\x00\xff",
            bytearray(b"x"),
            1j,
            (),
            (1,),
            (1, 2, 3, 4),
        ],
        "set": {1, "a"},
        3: "number as key",
    }


def assert_same(left, right, where=""):
    """Equal values, dtypes, strides and structure, whichever library made them."""
    if hasattr(left, "untyped_storage"):
        assert str(left.dtype).rpartition(".")[2] == str(right.dtype).rpartition(".")[2], where
        assert (tuple(left.shape), tuple(left.stride())) == (tuple(right.shape), tuple(right.stride())), where
        assert left.storage_offset() == right.storage_offset(), where
        assert (left.requires_grad, type(left).__name__) == (right.requires_grad, type(right).__name__), where
        assert left.detach().tolist() == right.detach().tolist(), where
    elif isinstance(left, dict):
        assert (type(left), list(left)) == (type(right), list(right)), where
        assert getattr(left, "_metadata", None) == getattr(right, "_metadata", None), where
        for key in left:
            assert_same(left[key], right[key], f"{where}[{key!r}]")
    elif isinstance(left, (list, tuple)) and type(left).__name__ != "Size":
        assert (type(left), len(left)) == (type(right), len(right)), where
        for position, (a, b) in enumerate(zip(left, right)):
            assert_same(a, b, f"{where}[{position}]")
    elif type(left).__module__.startswith(("torch", "taeda")) or type(left).__name__ in (
        "dtype",
        "device",
        "Size",
    ):
        assert str(left).replace("taeda", "torch") == str(right).replace("taeda", "torch"), where
    else:
        assert (type(left), left) == (type(right), right), where


@pytest.mark.parametrize("mmap", [False, True])
def test_torch_opens_our_files(tmp_path, mmap):
    path = tmp_path / "ours.pt"
    save(objects(taeda), path)
    found = torch.load(path, weights_only=True, mmap=mmap)
    assert_same(found, objects(torch))
    state = found["state"]
    assert len({state[name].untyped_storage().data_ptr() for name in state}) == 1


@pytest.mark.parametrize("mmap", [False, True])
def test_we_open_files_of_torch(tmp_path, mmap):
    path = tmp_path / "theirs.pt"
    torch.save(objects(torch), path)
    found = load(path, mmap=mmap)
    assert_same(found, objects(taeda))
    state = found["state"]
    assert len({state[name].untyped_storage().data_ptr() for name in state}) == 1


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_we_open_legacy_files_of_torch(protocol):
    file = io.BytesIO()
    torch.save(objects(torch), file, _use_new_zipfile_serialization=False, pickle_protocol=protocol)
    file.seek(0)
    assert_same(load(file), objects(taeda))


@pytest.mark.parametrize("legacy", [False, True])
def test_modules_and_optimizers(tmp_path, legacy):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.LSTM(4, 2))
    optimizer = torch.optim.AdamW(model[:2].parameters())
    model[:2](torch.randn(5, 3)).sum().backward()
    optimizer.step()
    torch.save(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict()},
        tmp_path / "x.pt",
        _use_new_zipfile_serialization=not legacy,
    )
    found = load(tmp_path / "x.pt")
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(found["model"][name].numpy(), tensor.numpy())
    moments = optimizer.state_dict()["state"][0]["exp_avg"]
    np.testing.assert_array_equal(found["optimizer"]["state"][0]["exp_avg"].numpy(), moments.numpy())


def test_conjugated_and_negated_views():
    values = torch.tensor([1 + 2j, 3 - 1j])
    file = io.BytesIO()
    torch.save({"conj": values.conj(), "neg": values.clone().conj().imag, "plain": values}, file)
    file.seek(0)
    found = load(file)
    assert found["conj"].tolist() == [1 - 2j, 3 + 1j]
    assert found["neg"].tolist() == [-2, 1]


def test_sparse_and_quantized_tensors_are_refused_by_name():
    for value, text in (
        (torch.eye(2).to_sparse(), "a sparse tensor; to_dense"),
        (torch.empty(2, device="meta"), None),
    ):
        file = io.BytesIO()
        torch.save(value, file)
        file.seek(0)
        if text is None:
            assert load(file).device.type == "meta"
            continue
        with pytest.raises(Exception, match=text):
            load(file)


def test_whole_modules_are_refused():
    file = io.BytesIO()
    torch.save(torch.nn.Linear(1, 1), file)
    file.seek(0)
    with pytest.raises(
        Exception, match=r"asks for the global torch\.nn\.modules\.linear\.Linear.*state_dict"
    ):
        load(file)


def test_safetensors_both_ways(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    save(
        {dtype: numbers(taeda, dtype) for dtype in DTYPES if dtype != "complex128"}, ours, metadata={"a": "b"}
    )
    for dtype, tensor in safetensors.load_file(ours).items():
        assert torch.equal(tensor, numbers(torch, dtype))
    kept = {dtype: numbers(torch, dtype) for dtype in DTYPES if dtype != "complex128"}
    safetensors.save_file(kept, theirs)
    for dtype, tensor in load(theirs).items():
        assert taeda.equal(tensor, numbers(taeda, dtype))
