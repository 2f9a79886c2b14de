import json
import struct

import numpy as np
import pytest

import taeda
from taeda_serve.errors import ArchiveError
from taeda_serve.weights import read_checkpoint, state_from_bytes, state_to_bytes

STATE = {
    "b.weight": taeda.tensor([[1.5, -2.0], [0.25, 8.0]]),
    "a.count": taeda.tensor(7),
    "c.flags": taeda.tensor([True, False]),
}


def handmade(name: str, dtype: str, shape: list[int], data: bytes) -> bytes:
    """A safetensors file by the format's definition: length of the header, header, data."""
    header = json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def test_round_trip_keeps_values_shapes_and_dtypes():
    back = state_from_bytes(state_to_bytes(STATE), "w")
    assert {name: (tensor.tolist(), tensor.dtype) for name, tensor in back.items()} == {
        name: (tensor.tolist(), tensor.dtype) for name, tensor in STATE.items()
    }


def test_the_order_of_the_state_dict_does_not_matter():
    assert state_to_bytes(dict(reversed(STATE.items()))) == state_to_bytes(STATE)


def test_views_are_written_as_their_values():
    base = taeda.arange(6, dtype=taeda.float32).reshape(2, 3)
    assert state_from_bytes(state_to_bytes({"t": base.t()}), "w")["t"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_bfloat16_is_widened_exactly():
    values = [1.0, -0.15625, 3.140625, 65280.0]
    written = state_to_bytes({"x": taeda.tensor(values, dtype=taeda.bfloat16)})
    assert state_from_bytes(written, "w")["x"].tolist() == values


def test_bfloat16_files_are_read():
    halves = (np.array([1.0, -2.5], "<f4").view("<u4") >> 16).astype("<u2")
    read = state_from_bytes(handmade("x", "BF16", [2], halves.tobytes()), "w")["x"]
    assert (read.tolist(), read.dtype) == ([1.0, -2.5], taeda.float32)


def test_a_handmade_file_is_read():
    data = np.array([[3, -4]], "<i8").tobytes()
    assert state_from_bytes(handmade("x", "I64", [1, 2], data), "w")["x"].tolist() == [[3, -4]]


@pytest.mark.parametrize("data", [b"", b"\x00" * 8, b"\xff" * 64, handmade("x", "F32", [100], b"1234")])
def test_damaged_files(data):
    with pytest.raises(ArchiveError, match="w: expected safetensors data, got bytes that fail with"):
        state_from_bytes(data, "w")


def test_a_checkpoint_of_a_trainer_is_unwrapped_and_its_prefix_removed(tmp_path):
    path = tmp_path / "best.ckpt"
    taeda.save({"epoch": 3, "state_dict": {"model.w": taeda.ones(2), "loss.w": taeda.zeros(1)}}, path)
    state = read_checkpoint(path, "model.")
    assert {name: tensor.tolist() for name, tensor in state.items()} == {"w": [1.0, 1.0]}


def test_checkpoints_that_do_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt: expected a checkpoint file, got nothing there"):
        read_checkpoint(tmp_path / "none.pt")
    path = tmp_path / "w.safetensors"
    path.write_bytes(state_to_bytes(STATE))
    with pytest.raises(ArchiveError, match=r"expected keys that start with 'net\.', got the keys"):
        read_checkpoint(path, "net.")
    path = tmp_path / "list.pt"
    taeda.save([1, 2], path)
    with pytest.raises(ArchiveError, match=r"expected a state dict .* got a list"):
        read_checkpoint(path)
