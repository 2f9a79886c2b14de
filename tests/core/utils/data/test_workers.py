"""Worker processes. Every loader here has two workers at most and is small, so that the file takes
seconds."""

import gc
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import taeda
from taeda.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    _worker_pool,
    get_worker_info,
)

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


class Computed(Dataset):
    """Samples made by a function of the index."""

    def __init__(self, function, size=8):
        self.function = function
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return self.function(index)


def workers(**options):
    return {"num_workers": 2, "multiprocessing_context": "fork", **options}


def children():
    return [process for process in multiprocessing.active_children() if process.is_alive()]


@pytest.mark.parametrize("persistent", [False, True])
def test_batches_arrive_in_order(persistent):
    before = children()
    images = taeda.randn(50, 3, 40, 40)
    loader = DataLoader(TensorDataset(images, taeda.arange(50)), 4, **workers(persistent_workers=persistent))
    for _ in range(3):
        batches = list(loader)
        assert [label for _, labels in batches for label in labels.tolist()] == list(range(50))
        assert taeda.equal(taeda.cat([batch for batch, _ in batches]), images)
    del loader
    gc.collect()
    assert not set(children()) - set(before)


def test_structures_cross_the_process_boundary():
    def sample(index):
        return {
            "large": taeda.full((200, 100), float(index)),
            "small": taeda.tensor(index, dtype=taeda.int8),
            "half": taeda.full((20000,), index, dtype=taeda.bfloat16),
            "array": np.full((100, 100), index),
            "empty": taeda.empty(0, 3),
            "text": f"number {index}",
        }

    for index, found in enumerate(DataLoader(Computed(sample), None, **workers())):
        for name, expected in sample(index).items():
            if isinstance(expected, taeda.Tensor):
                assert found[name].dtype == expected.dtype
                assert taeda.equal(found[name], expected)
            elif name == "array":
                assert taeda.equal(found[name], taeda.from_numpy(expected))
            else:
                assert found[name] == expected


def test_arrays_come_through_shared_memory_unchanged():
    loader = DataLoader(
        Computed(lambda index: index), 2, collate_fn=lambda batch: np.full((300, 100), batch[0]), **workers()
    )
    kept = list(loader)
    assert [array[5, 5] for array in kept] == [0, 2, 4, 6]
    kept[0][:] = 9
    assert kept[0].sum() == 9 * 30000


def test_kept_batches_are_not_overwritten():
    loader = DataLoader(
        TensorDataset(taeda.arange(200).reshape(200, 1).expand(200, 5000).contiguous()), 2, **workers()
    )
    kept = [batch for (batch,) in loader]
    assert [batch[0, 0].item() for batch in kept] == list(range(0, 200, 2))
    assert all(bool((batch[0] == batch[0, 0]).all()) for batch in kept)


def test_views_keep_sharing_and_parts_travel_alone():
    base = taeda.arange(40000, dtype=taeda.float32).reshape(200, 200)

    def sample(index):
        whole = base.clone()
        return whole, whole.t(), base[index]

    whole, transposed, row = next(iter(DataLoader(Computed(sample), None, **workers())))
    assert taeda.equal(transposed, whole.t())
    whole[1, 2] = -7
    assert transposed[2, 1].item() == -7
    assert row.untyped_storage().nbytes() == 800


def test_gradients_of_samples():
    leaf = next(iter(DataLoader(Computed(lambda i: taeda.ones(2, requires_grad=True)), None, **workers())))
    assert leaf.requires_grad
    with pytest.raises(RuntimeError, match="cannot send a non-leaf tensor which requires_grad"):
        next(iter(DataLoader(Computed(lambda i: taeda.ones(2, requires_grad=True) * 2), None, **workers())))


def test_errors_keep_their_type_and_traceback():
    def fail(index):
        raise KeyError(f"no sample {index}")

    with pytest.raises(KeyError) as caught:
        next(iter(DataLoader(Computed(fail), 2, **workers())))
    text = str(caught.value)
    assert text.startswith("Caught KeyError in DataLoader worker process 0.\nOriginal Traceback")
    assert "no sample 0" in text
    assert "in fail" in text


class PickyError(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


def test_errors_that_cannot_be_made_again_become_runtime_errors():
    def fail(index):
        raise PickyError(1, 2)

    with pytest.raises(RuntimeError, match="Caught PickyError in DataLoader worker process 0"):
        next(iter(DataLoader(Computed(fail), 2, **workers())))

    class LocalError(Exception):
        pass

    def fail_locally(index):
        raise LocalError("hidden")

    with pytest.raises(RuntimeError, match=r"the exception type .*LocalError is not known in this process"):
        next(iter(DataLoader(Computed(fail_locally), 2, **workers())))


def test_an_error_does_not_end_the_epoch():
    def sample(index):
        if index == 1:
            raise ValueError("bad sample")
        return index

    iterator = iter(DataLoader(Computed(sample, 4), 1, **workers()))
    assert next(iterator).tolist() == [0]
    with pytest.raises(ValueError, match="bad sample"):
        next(iterator)
    assert [batch.tolist() for batch in iterator] == [[2], [3]]


def test_stop_iteration_of_a_sample_is_an_error():
    def sample(index):
        raise StopIteration("too early")

    with pytest.raises(StopIteration, match="Caught StopIteration in DataLoader worker"):
        next(iter(DataLoader(Computed(sample), 1, **workers())))


def test_batches_that_cannot_be_pickled_are_errors():
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError), match="Caught"):
        next(iter(DataLoader(Computed(lambda index: lambda: 0), None, **workers())))


class Unsendable(Dataset):
    """Holds a function without a name, which cannot be pickled."""

    def __init__(self):
        self.transform = lambda x: x

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.transform(index)


def test_data_that_cannot_be_sent_to_workers():
    loader = DataLoader(Unsendable(), num_workers=1, multiprocessing_context="spawn")
    with pytest.raises((AttributeError, pickle.PicklingError)) as caught:
        next(iter(loader))
    text = str(caught.value)
    assert "DataLoader: what its workers need cannot be sent to processes that are started by 'spawn'" in text
    assert "at the top level of a module (no lambdas), or use num_workers=0" in text


def test_init_function_and_worker_info():
    seen = {}

    def init(worker_id):
        seen["id"] = worker_id

    def sample(index):
        info = get_worker_info()
        return index, seen["id"], info.id, info.num_workers, info.seed, type(info.dataset).__name__

    rows = list(DataLoader(Computed(sample), None, worker_init_fn=init, **workers()))
    assert [row[0] for row in rows] == list(range(8))
    assert [row[1] for row in rows] == [row[2] for row in rows] == [0, 1] * 4
    assert {row[3] for row in rows} == {2}
    assert rows[1][4] == rows[0][4] + 1
    assert rows[0][5] == "Computed"
    assert get_worker_info() is None


def test_a_failing_init_function_is_reported():
    def init(worker_id):
        raise OSError("no such folder")

    with pytest.raises(OSError, match=r"(?s)Caught OSError in DataLoader worker process 0.*no such folder"):
        next(iter(DataLoader(range(4), worker_init_fn=init, **workers())))


def draws(index):
    return float(taeda.rand(())), random.random(), float(np.random.rand())


def test_random_numbers_differ_between_workers_and_repeat_with_the_seed():
    def epoch():
        taeda.manual_seed(1)
        return list(DataLoader(Computed(draws), None, **workers()))

    first = epoch()
    assert epoch() == first
    for column in zip(*first):
        assert len(set(column)) == 8


def test_persistent_workers_do_not_change_the_numbers():
    epochs = []
    for persistent in (False, True):
        taeda.manual_seed(1)
        loader = DataLoader(Computed(draws), None, **workers(persistent_workers=persistent))
        epochs.append([list(loader), list(loader)])
    assert epochs[0] == epochs[1]
    assert epochs[0][0] != epochs[0][1]


def test_persistent_workers_are_the_same_processes():
    loader = DataLoader(Computed(lambda index: os.getpid()), None, **workers(persistent_workers=True))
    assert set(loader) == set(loader)
    fresh = DataLoader(Computed(lambda index: os.getpid()), None, **workers())
    assert not set(fresh) & set(fresh)


def test_a_second_epoch_may_begin_before_the_first_has_ended():
    loader = DataLoader(range(20), 2, **workers(persistent_workers=True))
    first = iter(loader)
    next(first)
    assert [batch.tolist()[0] for batch in loader] == list(range(0, 20, 2))
    with pytest.raises(RuntimeError, match="this iterator is out of date"):
        next(first)


class SharedStream(IterableDataset):
    def __init__(self, sizes):
        self.sizes = sizes

    def __iter__(self):
        worker = get_worker_info().id
        for number in range(self.sizes[worker]):
            yield worker * 100 + number


def test_streams_take_turns_until_each_has_ended():
    loader = DataLoader(SharedStream([1, 4]), 1, **workers())
    assert [batch.item() for batch in loader] == [0, 100, 101, 102, 103]
    loader = DataLoader(SharedStream([5, 3]), 2, **workers(drop_last=True))
    assert [batch.tolist() for batch in loader] == [[0, 1], [100, 101], [2, 3]]


def test_out_of_order_batches_come_when_ready():
    def sample(index):
        if index == 0:
            time.sleep(1.0)
        return index

    arrived = [batch.item() for batch in DataLoader(Computed(sample, 6), 1, **workers(in_order=False))]
    assert sorted(arrived) == list(range(6))
    assert arrived[0] != 0


def test_timeout(monkeypatch):
    monkeypatch.setattr(_worker_pool, "STOP_SECONDS", 0.2)
    loader = DataLoader(Computed(lambda index: time.sleep(30)), 1, **workers(timeout=0.3))
    with pytest.raises(
        RuntimeError, match=r"DataLoader timed out after 0.3 seconds: no batch came from worker 0"
    ):
        next(iter(loader))


@pytest.mark.parametrize(
    ("die", "text"),
    [
        (lambda: os._exit(3), r"exited unexpectedly \(exit code 3\)"),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            "killed by signal SIGKILL; often that is the system running out",
        ),
    ],
)
def test_dead_workers_are_noticed(die, text):
    before = children()
    with pytest.raises(
        RuntimeError,
        match=r"DataLoader worker \(pid\(s\) \d+\) .*" + text.replace("exited unexpectedly ", ""),
    ):
        list(DataLoader(Computed(lambda index: die() if index == 3 else index), 1, **workers()))
    assert not set(children()) - set(before)


def test_leaving_the_loop_stops_the_workers():
    before = children()
    for batch in DataLoader(range(1000), 1, **workers()):
        if batch.item() == 3:
            break
    del batch
    gc.collect()
    assert not set(children()) - set(before)


def test_large_orders_and_large_results_do_not_block_each_other():
    size = 40_000
    batches = [list(range(size)) for _ in range(8)]
    loader = DataLoader(
        Computed(lambda index: "x" * 10, size),
        batch_sampler=batches,
        collate_fn=lambda rows: rows,
        **workers(),
    )
    assert [len(batch) for batch in loader] == [size] * 8


def test_memory_is_reused():
    loader = DataLoader(TensorDataset(taeda.zeros(400, 10000)), 4, **workers())
    iterator = iter(loader)
    for _ in iterator:
        readers = [handle.reader for handle in iterator._pool._handles]
        assert all(len(reader._segments) <= 6 for reader in readers)


def test_spawned_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import taeda
            from taeda.utils.data import DataLoader, Dataset

            class Rows(Dataset):
                def __len__(self): return 6
                def __getitem__(self, index): return taeda.full((5000,), float(index))

            if __name__ == "__main__":
                loader = DataLoader(Rows(), 2, num_workers=2, multiprocessing_context="spawn")
                print([int(batch[:, 0].sum()) for batch in loader])
            """
        )
    )
    result = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout.strip() == "[1, 5, 9]", result.stderr
    assert result.stderr == ""


def test_interrupting_the_main_process_leaves_no_worker(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, time
            import taeda
            from taeda.utils.data import DataLoader, Dataset

            class Rows(Dataset):
                def __len__(self): return 1000
                def __getitem__(self, index):
                    time.sleep(0.01)
                    return os.getpid()

            for batch in DataLoader(Rows(), 1, num_workers=2, multiprocessing_context="fork"):
                print(batch.item(), flush=True)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pids = {int(process.stdout.readline()) for _ in range(4)}
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
