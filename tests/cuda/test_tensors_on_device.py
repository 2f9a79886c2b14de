"""Tensors that live on a GPU: moves, copies, reading values, files, and errors when devices do not match."""

from __future__ import annotations

import copy
import io
import pickle
import threading

import numpy as np
import pytest

import taeda

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
DTYPES = [
    taeda.uint8, taeda.int8, taeda.int16, taeda.int32, taeda.int64, taeda.float16, taeda.float32, taeda.float64,
    taeda.complex64, taeda.complex128, taeda.bool, taeda.bfloat16,
]  # fmt: skip


def test_there_and_back():
    x = taeda.tensor(VALUES)
    y = x.cuda()
    assert (y.device, y.is_cuda, y.is_cpu) == (taeda.device("cuda", 0), True, False)
    np.testing.assert_array_equal(y.cpu().numpy(), VALUES)
    assert y.to("cuda") is y
    assert y.to("cuda:0") is y
    assert y.cpu().to("cpu").device.type == "cpu"
    np.testing.assert_array_equal(y.to("cpu", taeda.int32).numpy(), VALUES.astype(np.int32))
    np.testing.assert_array_equal(x.to("cuda", taeda.float64).cpu().numpy(), VALUES.astype(np.float64))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("other", DTYPES, ids=str)
def test_conversions_are_those_of_the_cpu(dtype: taeda.dtype, other: taeda.dtype):
    x = taeda.tensor([0.0, 1.0, 2.5, 100.75, 3.0, 0.0, 64.0]).to(dtype)
    for source in (x, x.reshape(7, 1).expand(7, 2)):
        assert source.cuda().to(other).cpu().equal(source.to(other))


@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 1, 4), (2, 3, 4, 5)], ids=str)
def test_layouts(shape: tuple[int, ...]):
    x = taeda.arange(int(np.prod(shape)), dtype=taeda.float64).reshape(shape)
    y = x.cuda()
    turned = y.permute(tuple(range(len(shape)))[::-1])
    np.testing.assert_array_equal(turned.contiguous().cpu().numpy(), x.numpy().T)
    np.testing.assert_array_equal(turned.cpu().numpy(), x.numpy().T)
    assert turned.cpu().stride() == x.permute(tuple(range(len(shape)))[::-1]).clone().stride()
    if len(shape) > 1:
        np.testing.assert_array_equal(y[:, ::2].cpu().numpy(), x.numpy()[:, ::2])


@pytest.mark.parametrize(
    "dtype", [taeda.uint8, taeda.int16, taeda.float32, taeda.float64, taeda.complex128], ids=str
)
def test_transposed_copies_go_through_tiles(dtype: taeda.dtype):
    x = taeda.arange(3 * 70 * 45 * 2).remainder(251).to(dtype).reshape(3, 70, 2, 45)
    for order in ((0, 3, 2, 1), (3, 2, 0, 1), (1, 0, 2, 3)):
        wanted = np.transpose(x.numpy(), order)
        np.testing.assert_array_equal(x.cuda().permute(order).contiguous().cpu().numpy(), wanted)


def test_copies_across_devices_convert_and_broadcast():
    target = taeda.zeros(2, 3, 4, dtype=taeda.float64, device="cuda")
    target.copy_(taeda.tensor(VALUES))
    np.testing.assert_array_equal(target.cpu().numpy(), VALUES)
    target[:, 1].copy_(taeda.tensor([7, 8, 9, 10]))
    assert target[1, 1].tolist() == [7, 8, 9, 10]
    host = taeda.zeros(4, 3, 2).permute(2, 1, 0)
    host.copy_(target)
    np.testing.assert_array_equal(host.numpy(), target.cpu().numpy())
    target.fill_(taeda.tensor(3))
    assert target.cpu().sum().item() == 72


def test_reading_values():
    x = taeda.tensor([[1.5, -2.0], [3.0, 4.25]], device="cuda")
    assert x[1, 1].item() == 4.25
    assert x.tolist() == [[1.5, -2.0], [3.0, 4.25]]
    assert (float(x[0, 0]), int(x[1, 0]), bool(x[0, 1])) == (1.5, 3, True)
    assert repr(x) == "tensor([[ 1.5000, -2.0000],\n        [ 3.0000,  4.2500]], device='cuda:0')"
    assert f"{x[0, 0]:.2f}" == "1.50"
    with pytest.raises(
        TypeError, match=r"can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu\(\)"
    ):
        x.numpy()
    np.testing.assert_array_equal(x.numpy(force=True), x.cpu().numpy())
    with pytest.raises(BufferError, match="not in host memory"):
        memoryview(x.untyped_storage())


def test_new_tensors():
    assert taeda.arange(2, 8, 2, device="cuda").tolist() == [2, 4, 6]
    assert taeda.linspace(0, 1, 3, device="cuda").tolist() == [0.0, 0.5, 1.0]
    assert taeda.eye(2, device="cuda").tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert taeda.full((2,), 7, device="cuda").tolist() == [7, 7]
    assert taeda.tril_indices(2, 2, device="cuda").tolist() == [[0, 1, 1], [0, 0, 1]]
    like = taeda.ones(2, 3, device="cuda")
    for made in (like.new_zeros(2), taeda.zeros_like(like), taeda.empty_like(like), like.new_tensor([1.0])):
        assert made.device == like.device
    assert taeda.as_tensor(VALUES, device="cuda").device.type == "cuda"
    assert taeda.tensor(like).device == like.device


def test_numbers_and_scalars_of_the_cpu_go_along():
    x = taeda.tensor([1.0, 2.0], device="cuda")
    assert (x + 1).tolist() == [2.0, 3.0]
    assert (3 - x).tolist() == [2.0, 1.0]
    assert (x * taeda.tensor(2.0)).tolist() == [2.0, 4.0]
    assert (taeda.tensor(2.0) ** x).tolist() == [2.0, 4.0]
    assert taeda.where(x > 1, x, 0.0).tolist() == [0.0, 2.0]
    assert (x + taeda.tensor(1, device="cuda")).tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: x + y,
        lambda x, y: x.mul_(y),
        lambda x, y: taeda.cat([x, y]),
        lambda x, y: taeda.where(x > 0, x, y),
        lambda x, y: x @ y.T,
    ],
)
def test_different_devices(call):
    x, y = taeda.ones(2, 2), taeda.ones(2, 2, device="cuda")
    with pytest.raises(RuntimeError, match=r"all tensors to be on the same device.*cuda:0.*|.*cpu.*"):
        call(y, x)
    with pytest.raises(RuntimeError, match="all tensors to be on the same device"):
        call(x, y)


def test_out_on_another_device():
    x = taeda.ones(2, device="cuda")
    with pytest.raises(RuntimeError, match="add: expected out= on device cuda:0, got cpu"):
        taeda.add(x, x, out=taeda.empty(2))


def test_indexing():
    x = taeda.tensor(VALUES).cuda()
    assert x[1, 2].tolist() == VALUES[1, 2].tolist()
    x[0, 0] = 5.0
    x[1, :, 3] = taeda.tensor([1.0, 2.0, 3.0])
    x[1, 0, :2] = [8.0, 9.0]
    wanted = VALUES.copy()
    wanted[0, 0], wanted[1, :, 3], wanted[1, 0, :2] = 5.0, [1.0, 2.0, 3.0], [8.0, 9.0]
    np.testing.assert_array_equal(x.cpu().numpy(), wanted)


def test_unknown_devices():
    with pytest.raises(RuntimeError, match="invalid device ordinal: cuda:7 was asked for"):
        taeda.ones(2, device="cuda:7")
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        taeda.ones(2).to("cuda:7")


def test_between_devices():
    if taeda.cuda.device_count() < 2:
        pytest.skip("there is one device")
    x = taeda.tensor(VALUES, device="cuda:0")
    y = x.to("cuda:1")
    assert y.device == taeda.device("cuda:1")
    np.testing.assert_array_equal(y.cpu().numpy(), VALUES)
    assert (y + 1).device == y.device
    with pytest.raises(RuntimeError, match="at least two devices, cuda:0 and cuda:1"):
        x + y
    with taeda.cuda.device(1):
        assert taeda.ones(2, device="cuda").device.index == 1
    assert taeda.ones(2, device="cuda").device.index == 0


def test_copies_of_objects():
    x = taeda.tensor(VALUES, device="cuda").requires_grad_()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.device == x.device
        assert twin.requires_grad
        np.testing.assert_array_equal(twin.detach().cpu().numpy(), VALUES)


def test_files():
    model = taeda.nn.Linear(3, 2).to("cuda")
    buffer = io.BytesIO()
    taeda.save({"model": model.state_dict(), "view": taeda.tensor(VALUES).cuda()[1]}, buffer)
    for place, kind in ((None, "cuda"), ("cpu", "cpu"), ("cuda:0", "cuda")):
        buffer.seek(0)
        loaded = taeda.load(buffer, map_location=place)
        assert {t.device.type for t in loaded["model"].values()} == {kind}
        np.testing.assert_array_equal(loaded["view"].cpu().numpy(), VALUES[1])
        assert loaded["model"]["weight"].cpu().equal(model.weight.detach().cpu())


def test_modules_and_optimizers_move():
    taeda.manual_seed(0)
    model = taeda.nn.Sequential(taeda.nn.Linear(4, 3), taeda.nn.Tanh())
    twin = copy.deepcopy(model).cuda()
    assert {p.device.type for p in twin.parameters()} == {"cuda"}
    assert twin.cpu() is twin
    twin.cuda()
    for name, parameter in model.state_dict().items():
        assert twin.state_dict()[name].cpu().equal(parameter)


def test_dlpack():
    x = taeda.tensor(VALUES, device="cuda")
    assert x.__dlpack_device__() == (2, 0)
    y = taeda.from_dlpack(x)
    assert y.data_ptr() == x.data_ptr()
    assert y.device == x.device
    y.fill_(1.0)
    assert x.cpu().sum().item() == 24.0


class _Exporter:
    """An array of another library: notes which stream it is asked for."""

    def __init__(self, tensor: taeda.Tensor):
        self.tensor, self.streams = tensor, []

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, **options):
        self.streams.append(options)
        return self.tensor.__dlpack__(**options)


def test_dlpack_takes_over_on_the_current_stream():
    other, side = _Exporter(taeda.ones(5, device="cuda")), taeda.cuda.Stream()
    taeda.from_dlpack(other)
    with taeda.cuda.stream(side):
        taeda.from_dlpack(other)
    assert other.streams == [{"stream": 1}, {"stream": side.cuda_stream}]
    host = _Exporter(taeda.ones(5))
    taeda.from_dlpack(host)
    assert host.streams == [{}]  # the CPU has none


@pytest.mark.parametrize("from_side", [False, True])
def test_dlpack_orders_the_consumers_stream_behind_ours(from_side: bool):
    x, side = taeda.zeros(4096, device="cuda"), taeda.cuda.Stream()
    taeda.cuda.synchronize()
    ours, theirs = taeda.cuda.default_stream(), side
    if from_side:
        ours, theirs = theirs, ours
    with taeda.cuda.stream(ours):
        x.fill_(3.0)
        capsule = x.__dlpack__(stream=theirs.cuda_stream or 1)
    with taeda.cuda.stream(theirs):
        seen = taeda.from_dlpack(capsule).clone()
        theirs.synchronize()
        np.testing.assert_array_equal(seen.cpu(), np.full(4096, 3.0))


def test_dlpack_keeps_memory_until_the_consumers_stream_is_done():
    side, x = taeda.cuda.Stream(), taeda.full((4096,), 3.0, device="cuda")
    with taeda.cuda.stream(side):
        taken = taeda.from_dlpack(_Exporter(x))  # orders `side`, then nothing: the exporter's thread is ours
    capsule = x.__dlpack__(stream=side.cuda_stream)
    with taeda.cuda.stream(side):
        copy = taeda.from_dlpack(capsule).clone()
    del x, taken, capsule
    taeda.full((4096,), -1.0, device="cuda")
    taeda.cuda.default_stream().synchronize()
    side.synchronize()
    with taeda.cuda.stream(side):
        np.testing.assert_array_equal(copy.cpu(), np.full(4096, 3.0))


def test_dlpack_on_another_stream_than_the_one_that_has_the_memory():
    side, x = taeda.cuda.Stream(), taeda.full((4096,), 3.0, device="cuda")
    side.wait_stream(taeda.cuda.current_stream())
    with taeda.cuda.stream(side):
        capsule = x.__dlpack__(stream=side.cuda_stream)  # nothing to wait for
        copy = taeda.from_dlpack(capsule).clone()
    del x, capsule
    taeda.full((4096,), -1.0, device="cuda")
    taeda.cuda.default_stream().synchronize()
    side.synchronize()
    with taeda.cuda.stream(side):
        np.testing.assert_array_equal(copy.cpu(), np.full(4096, 3.0))


def test_dlpack_keeps_memory_until_the_own_stream_of_another_thread_is_done():
    side, copies = taeda.cuda.Stream(), []
    with taeda.cuda.stream(side):
        x = taeda.full((4096,), 3.0, device="cuda")

    def consume(x: taeda.Tensor) -> None:
        with taeda.cuda.stream(side):
            capsule = x.__dlpack__(stream=2)
        with taeda.cuda.stream(taeda.cuda.ExternalStream(2)):
            copies.append(taeda.from_dlpack(capsule).clone())

    thread = threading.Thread(target=consume, args=(x,))
    thread.start()
    thread.join()
    del x, thread
    with taeda.cuda.stream(side):
        for _ in range(4):  # the first ones ask whether the memory is free
            taeda.full((4096,), -1.0, device="cuda")
        side.synchronize()
    taeda.cuda.synchronize()
    np.testing.assert_array_equal(copies[0].cpu(), np.full(4096, 3.0))


def test_dlpack_streams_by_number():
    x = taeda.ones(3, device="cuda")
    for stream in (None, 1, 2, -1):
        assert taeda.from_dlpack(x.__dlpack__(stream=stream)).tolist() == [1.0, 1.0, 1.0]
    for stream in (0, -2):
        with pytest.raises(
            ValueError, match=rf"stream={stream} names no CUDA stream; pass 1 for the default"
        ):
            x.__dlpack__(stream=stream)
    for stream in (1.0, "1", True):
        with pytest.raises(TypeError, match="expected stream to be an int or None, got"):
            x.__dlpack__(stream=stream)
    with pytest.raises(ValueError, match="a stream was given for a tensor on the CPU"):
        taeda.ones(3).__dlpack__(stream=1)
    with pytest.raises(TypeError, match="positional"):
        x.__dlpack__(1)


def test_dlpack_copies_and_moves():
    x = taeda.ones(3, device="cuda")
    copy = taeda.from_dlpack(x.__dlpack__(copy=True))
    assert copy.device == x.device
    assert copy.data_ptr() != x.data_ptr()
    host = taeda.from_dlpack(x.__dlpack__(dl_device=(1, 0), max_version=(1, 0)))
    assert (host.device.type, host.tolist()) == ("cpu", [1.0, 1.0, 1.0])
    assert taeda.from_dlpack(x.__dlpack__(dl_device=(2, 0))).data_ptr() == x.data_ptr()
    with pytest.raises(BufferError, match="copy=False, but another device needs a copy"):
        x.__dlpack__(dl_device=(1, 0), copy=False)
    for device in ((2, 7), (4, 0)):
        with pytest.raises(BufferError, match="cannot export a tensor on cuda:0 to device"):
            x.__dlpack__(dl_device=device)


def test_resizing():
    x = taeda.tensor([1.0, 2.0], device="cuda")
    x.resize_(2000)
    assert x[:2].tolist() == [1.0, 2.0]
