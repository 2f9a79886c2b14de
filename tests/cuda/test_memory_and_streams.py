"""The caching allocator, streams, events, page-locked memory, generators and the queries of taeda.cuda."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from cuda_library import EMULATED

import taeda
from taeda import cuda

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _clean():
    gc.collect()
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    yield
    cuda.set_device(0)


def test_queries():
    assert cuda.is_available()
    assert cuda.is_initialized()
    assert cuda.device_count() >= 1
    assert cuda.current_device() == 0
    assert cuda.get_device_name() == cuda.get_device_properties(0).name
    assert cuda.get_device_capability()[0] >= 7
    free, total = cuda.mem_get_info()
    assert 0 < free <= total == cuda.get_device_properties().total_memory or not EMULATED
    with pytest.raises(ValueError, match="expected a cuda device, but got cpu"):
        cuda.get_device_name("cpu")
    with pytest.raises(RuntimeError, match="invalid device ordinal 99"):
        cuda.set_device(99)


NO_DEVICE = """
import taeda
from taeda import cuda
assert not cuda.is_available() and cuda.device_count() == 0 and not cuda.is_bf16_supported()
taeda.manual_seed(1), cuda.manual_seed_all(2), cuda.empty_cache()
for call in (cuda.init, cuda.current_device, cuda.synchronize, lambda: taeda.ones(1, device="cuda")):
    try:
        call()
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.skipif(not EMULATED, reason="asks for a machine without a GPU")
def test_a_driver_without_a_gpu():
    environment = os.environ | {"TAEDA_EMULATED_DEVICES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", NO_DEVICE], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert {line.partition("; in ones(")[0] for line in lines} == {
        "cuda is not available: no NVIDIA GPU is visible to this process (see nvidia-smi and CUDA_VISIBLE_DEVICES)"
    }


def test_asking_for_a_gpu_is_cheap():
    start = time.perf_counter()
    for _ in range(1000):
        cuda.is_available()
    assert time.perf_counter() - start < 0.1


def test_memory_is_counted_and_reused():
    before = cuda.memory_allocated()
    x = taeda.empty(MIB, device="cuda")  # 4 MiB
    assert cuda.memory_allocated() - before == 4 * MIB
    address, reserved = x.data_ptr(), cuda.memory_reserved()
    del x
    assert cuda.memory_allocated() == before
    assert cuda.max_memory_allocated() - before == 4 * MIB
    assert cuda.memory_reserved() == reserved
    assert taeda.empty(MIB, device="cuda").data_ptr() == address
    cuda.empty_cache()
    assert cuda.memory_reserved() < reserved
    assert "held by tensors" in cuda.memory_summary()


def test_small_blocks_share_a_segment_and_join_again():
    before = cuda.memory_stats()
    blocks = [taeda.empty(1000, dtype=taeda.uint8, device="cuda") for _ in range(100)]
    stats = cuda.memory_stats()
    assert stats["segment.all.current"] - before["segment.all.current"] <= 1
    assert stats["allocated_bytes.all.current"] - before["allocated_bytes.all.current"] == 100 * 1024
    assert stats["requested_bytes.all.current"] - before["requested_bytes.all.current"] == 100 * 1000
    assert len({b.data_ptr() for b in blocks}) == 100
    del blocks[::2], blocks
    gc.collect()
    cuda.empty_cache()
    assert cuda.memory_stats()["segment.all.current"] <= before["segment.all.current"]


def test_blocks_of_other_streams_are_not_handed_out():
    side = cuda.Stream()
    x = taeda.empty(1000, device="cuda")
    address = x.data_ptr()
    del x
    with cuda.stream(side):
        assert taeda.empty(1000, device="cuda").data_ptr() != address
    assert taeda.empty(1000, device="cuda").data_ptr() == address


@pytest.mark.parametrize("number", [2**32, 2**31, 64, 10**18])
def test_numbers_of_devices_do_not_wrap(number: int):
    calls = [
        lambda: cuda.set_device(number),
        lambda: cuda.synchronize(number),
        lambda: cuda.Stream(number),
        lambda: cuda.memory_stats(number),
        lambda: cuda.get_device_properties(number),
        lambda: cuda.mem_get_info(number),
        lambda: taeda._C._cuda_generator(number),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match=f"invalid device ordinal {number}"):
            call()
    assert cuda.current_device() == 0
    with pytest.raises(RuntimeError, match="Invalid device string: 'cuda:64'"):
        taeda.device("cuda:64")


@pytest.mark.skipif(not EMULATED, reason="fills the device")
def test_out_of_memory_says_who_holds_what():
    held = taeda.empty(300 * MIB, dtype=taeda.uint8, device="cuda")
    with pytest.raises(taeda.OutOfMemoryError) as caught:
        taeda.empty(900 * MIB, dtype=taeda.uint8, device="cuda")
    text = str(caught.value)
    assert "Tried to allocate 900.00 MiB. GPU 0 has 1.00 GiB, of which 724.00 MiB are free" in text
    assert "Of this process's 300.00 MiB, 300.00 MiB are held by 1 tensors and 0.00 MiB are cached" in text
    assert "the largest tensors: 1 of 300.00 MiB" in text
    assert "Free tensors, use smaller batches, or taeda.cuda.empty_cache()" in text
    assert cuda.OutOfMemoryError is taeda.OutOfMemoryError
    assert cuda.memory_stats()["num_ooms"] >= 1
    del held
    taeda.empty(900 * MIB, dtype=taeda.uint8, device="cuda")  # what was cached has been given back


@pytest.mark.skipif(not EMULATED, reason="fills the device")
def test_out_of_memory_counts_what_is_cached_and_names_the_largest():
    held = [taeda.empty(n * MIB, dtype=taeda.uint8, device="cuda") for n in (64, 64, 128, 16, 12)]
    part = [
        taeda.empty(6 * MIB, dtype=taeda.uint8, device="cuda") for _ in range(3)
    ]  # of one segment of 20 MiB
    taeda.empty(40 * MIB, dtype=taeda.uint8, device="cuda")  # goes back to the driver in the attempt
    del part[0]
    retries = cuda.memory_stats()["num_alloc_retries"]
    with pytest.raises(taeda.OutOfMemoryError) as caught:
        taeda.empty(1 << 30, dtype=taeda.uint8, device="cuda")
    text = str(caught.value)
    assert "Tried to allocate 1.00 GiB" in text
    assert "Of this process's 304.00 MiB, 296.00 MiB are held by 7 tensors and 8.00 MiB are cached" in text
    assert "the largest tensors: 1 of 128.00 MiB, 2 of 64.00 MiB, 1 of 16.00 MiB" in text
    assert cuda.memory_stats()["num_alloc_retries"] == retries + 1
    del held


def test_streams():
    side = cuda.Stream()
    assert cuda.current_stream() == cuda.default_stream() != side
    with cuda.stream(side):
        assert cuda.current_stream() == side
        x = taeda.ones(8, device="cuda") * 3
    assert cuda.current_stream() == cuda.default_stream()
    cuda.current_stream().wait_stream(side)
    assert x.cpu().sum().item() == 24.0
    side.synchronize()
    assert side.query()
    seen = []
    with cuda.stream(side):
        worker = threading.Thread(target=lambda: seen.append(cuda.current_stream()))
        worker.start()
        worker.join()
    assert seen == [cuda.default_stream()]  # the choice is this thread's alone


def test_events():
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    assert start.query()
    start.record()
    taeda.ones(1000, device="cuda").exp_()
    end.record()
    end.synchronize()
    assert end.query()
    assert start.elapsed_time(end) >= 0
    with pytest.raises(ValueError, match="enable_timing=True"):
        start.elapsed_time(cuda.Event())


def test_pinned_memory():
    x = taeda.arange(1000, dtype=taeda.float32)
    assert not x.is_pinned()
    pinned = x.pin_memory()
    assert pinned.is_pinned()
    assert pinned.pin_memory() is pinned
    there = pinned.to("cuda", non_blocking=True)
    back = taeda.empty(1000).pin_memory().copy_(there, non_blocking=True)
    cuda.synchronize()
    np.testing.assert_array_equal(back.numpy(), x.numpy())
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        there.pin_memory()


def test_generators():
    cuda.manual_seed_all(5)
    assert cuda.initial_seed() == 5
    state = cuda.get_rng_state()
    cuda.manual_seed(6)
    assert cuda.initial_seed() == 6
    cuda.set_rng_state(state)
    assert cuda.initial_seed() == 5
    taeda.manual_seed(11)
    assert [taeda._C._cuda_generator(i).initial_seed() for i in range(cuda.device_count())] == [
        11
    ] * cuda.device_count()
    for call in (cuda.get_rng_state, lambda device: cuda.set_rng_state(state, device)):
        with pytest.raises(
            RuntimeError, match=r"invalid device ordinal: the generator of cuda:99 was asked for"
        ):
            call(99)
    generator = taeda.Generator("cuda")
    assert generator.device == taeda.device("cuda:0")
    with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator but found 'cuda'"):
        taeda.rand(3, generator=generator)


def test_the_same_numbers_as_on_the_cpu():
    taeda.manual_seed(3)
    wanted = taeda.rand(100)
    taeda.manual_seed(3)
    drawn = taeda.rand(100, device="cuda")
    np.testing.assert_array_equal(drawn.cpu().numpy(), wanted.numpy())


def test_states_of_all_generators():
    cuda.manual_seed_all(5)
    states = cuda.get_rng_state_all()
    assert len(states) == cuda.device_count()
    drawn = [taeda.rand(3, device=f"cuda:{i}").tolist() for i in range(cuda.device_count())]
    assert all(d == drawn[0] for d in drawn)  # one seed, one stream of numbers
    cuda.set_rng_state_all(states)
    assert taeda.rand(3, device="cuda").tolist() == drawn[0]
    cuda.seed_all()
    seeds = {taeda._C._cuda_generator(i).initial_seed() for i in range(cuda.device_count())}
    assert len(seeds) == 1
    cuda.seed()
    assert cuda.initial_seed() not in seeds


def test_peaks():
    held = taeda.empty(MIB, device="cuda")
    taeda.empty(3 * MIB, device="cuda")
    assert cuda.max_memory_allocated() >= 16 * MIB
    assert cuda.max_memory_reserved() >= cuda.max_memory_allocated()
    for reset in (cuda.reset_peak_memory_stats, cuda.reset_max_memory_allocated):
        reset()
        assert cuda.max_memory_allocated() == cuda.memory_allocated() == held.numel() * 4
    cuda.empty_cache()
    free, _ = cuda.mem_get_info()
    taeda.empty(8 * MIB, device="cuda")
    assert cuda.mem_get_info()[0] <= free - 32 * MIB or not EMULATED
    assert "blocks" not in cuda.memory_summary(abbreviated=True)


def test_choosing_devices():
    cuda.set_device(-1)  # changes nothing
    assert cuda.current_device() == 0
    with cuda.device(None), cuda.device(-1):
        assert cuda.current_device() == 0
    major, minor = cuda.get_device_capability()
    assert cuda.get_arch_list() == [f"sm_{major}{minor}"]
    assert cuda.is_bf16_supported(including_emulation=False) == (major >= 8)
    assert not cuda.can_device_access_peer(0, cuda.device_count() - 1)
    with pytest.raises(AssertionError, match="invalid device 99"):
        cuda.can_device_access_peer(0, 99)
    seen = []
    with cuda.device(cuda.device_count() - 1):
        worker = threading.Thread(target=lambda: seen.append(cuda.current_device()))
        worker.start()
        worker.join()
    assert seen == [0]  # the current device is a thread's own


def test_streams_of_others():
    side = cuda.Stream(priority=-1)
    twin = cuda.ExternalStream(side.cuda_stream, device=0)
    assert twin == side
    assert hash(twin) == hash(side)
    assert side != cuda.Stream()
    assert repr(side) == f"<taeda.cuda.Stream device=cuda:0 cuda_stream={side.cuda_stream:#x}>"
    before = cuda.current_stream()
    cuda.set_stream(twin)
    assert cuda.current_stream() == side
    cuda.set_stream(before)
    with cuda.stream(None):
        assert cuda.current_stream() == before


def test_events_belong_to_a_device():
    if cuda.device_count() < 2:
        pytest.skip("there is one device")
    event = cuda.Event()
    event.record(cuda.Stream(0))
    with pytest.raises(
        RuntimeError, match="the event is of cuda:0, but the stream of cuda:1; use an event for"
    ):
        event.record(cuda.Stream(1))
    event.wait(cuda.Stream(1))  # waiting is allowed everywhere


def test_modules_and_optimizers_go_on_elsewhere():
    """Training on the CPU, then on each GPU: the same numbers as on the CPU all along."""
    devices = ["cpu", "cuda:0", f"cuda:{cuda.device_count() - 1}", "cpu"]
    runs = []
    for places in (["cpu"] * 4, devices):
        taeda.manual_seed(0)
        model = taeda.nn.Linear(3, 2)
        state = None
        for place in places:
            model.to(place)
            optimizer = taeda.optim.Adam(model.parameters(), lr=0.1)
            if state is not None:
                optimizer.load_state_dict(state)
            for _ in range(2):
                optimizer.zero_grad()
                model(taeda.ones(4, 3, device=place)).square().sum().backward()
                optimizer.step()
            state = optimizer.state_dict()
            moments = {v.device for s in optimizer.state.values() for k, v in s.items() if k != "step"}
            assert moments == {taeda.device(place)}
        runs.append(model.weight.detach().numpy())
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-5)


def test_devices_in_blocks():
    if cuda.device_count() < 2:
        pytest.skip("there is one device")
    with cuda.device("cuda:1"):
        assert cuda.current_device() == 1
        x = taeda.ones(1, device="cuda")
    assert cuda.current_device() == 0
    with cuda.device_of(x):
        assert cuda.current_device() == 1
    with cuda.device_of(taeda.ones(1)):
        assert cuda.current_device() == 0
    with cuda.stream(cuda.Stream(1)):
        assert cuda.current_device() == 1


def test_loaders_pin_their_batches():
    rows = [{"x": taeda.ones(2) * i, "name": str(i)} for i in range(4)]
    for batch in taeda.utils.data.DataLoader(rows, batch_size=2, pin_memory=True):
        assert batch["x"].is_pinned()
        assert isinstance(batch["name"], list)
