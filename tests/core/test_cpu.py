"""The CPU as a device, and its allocator."""

from __future__ import annotations

import taeda
from taeda import cpu


def test_there_is_one_cpu() -> None:
    assert cpu.is_available()
    assert cpu.is_initialized()
    assert cpu.device_count() == 1
    assert cpu.current_device() == "cpu"
    cpu.set_device("cpu")
    cpu.synchronize()


def test_capabilities_are_those_of_the_loaded_kernels() -> None:
    found = cpu.get_capabilities()
    assert found["num_threads"] == taeda.get_num_threads()
    level = taeda._C._build_info()["isa"]
    assert found["avx512_f"] == (level == "avx512")
    assert found["avx2"] == found["fma3"] == (level in ("avx2", "avx512"))


def test_memory_is_counted_and_given_back() -> None:
    cpu.empty_cache()
    before = cpu.memory_stats()
    x = taeda.ones(3_000_000)
    assert cpu.memory_allocated() - before["allocated_bytes"] >= 12_000_000
    assert cpu.max_memory_allocated() >= cpu.memory_allocated()
    del x
    assert cpu.memory_allocated() == before["allocated_bytes"]
    assert cpu.memory_reserved() >= 12_000_000  # kept for the next tensor
    y = taeda.ones(3_000_000)
    assert cpu.memory_stats()["reused"] > before["reused"]
    del y
    cpu.empty_cache()
    assert cpu.memory_reserved() < 12_000_000


def test_streams_are_the_order_of_the_program() -> None:
    own = cpu.Stream()
    with cpu.stream(own) as context:
        assert context.stream is own
        cpu.current_stream().wait_stream(own)
    own.synchronize()
