import pytest

from taeda_serve.batching import BatchPolicy, BatchQueue, Pending, QueueFullError


def busy_queue(**policy: object) -> BatchQueue[str]:
    """A queue that has seen many quick requests, so that it waits for company."""
    queue: BatchQueue[str] = BatchQueue(
        BatchPolicy(**{"max_rows": 4, "max_delay": 1.0, "capacity": 8, **policy})
    )
    for _ in range(8):
        queue.put(Pending("warm", 1, 0.0))
    while queue.take():
        pass
    return queue


def items(batch: list[Pending[str]]) -> list[str]:
    return [pending.item for pending in batch]


def test_an_empty_queue_is_never_due():
    assert busy_queue().due(5.0) is None
    assert busy_queue().take() == []


def test_an_incomplete_batch_is_due_when_the_oldest_has_waited_the_delay():
    queue = busy_queue()
    queue.put(Pending("a", 1, 0.25))
    queue.put(Pending("b", 1, 0.75))
    assert queue.due(0.8) == 1.25


def test_a_complete_batch_is_due_at_once():
    queue = busy_queue()
    for index in range(4):
        queue.put(Pending(str(index), 1, 0.5))
    assert queue.due(0.5) <= 0.5
    assert items(queue.take()) == ["0", "1", "2", "3"]


def test_lonely_requests_do_not_wait():
    queue: BatchQueue[str] = BatchQueue(BatchPolicy(max_delay=1.0))
    for second in range(0, 20, 5):
        queue.put(Pending("a", 1, float(second)))
        assert queue.due(float(second)) <= second
        queue.take()


def test_five_quick_requests_after_a_pause_start_batching():
    queue: BatchQueue[str] = BatchQueue(BatchPolicy(max_rows=100, max_delay=1.0))
    waits = []
    for index in range(7):
        queue.put(Pending("a", 1, 1000.0 + 0.001 * index))
        waits.append(queue.due(1000.01) > 1000.01)
    assert waits == [False] * 5 + [True] * 2


def test_batches_count_rows_not_requests_and_keep_the_order():
    queue = busy_queue()
    for item, rows in (("a", 3), ("b", 2), ("c", 1)):
        queue.put(Pending(item, rows, 0.0))
    assert queue.rows == 6
    assert items(queue.take()) == ["a"]
    assert items(queue.take()) == ["b", "c"]
    assert queue.rows == 0


def test_a_request_larger_than_a_batch_goes_alone():
    queue = busy_queue(capacity=200)
    queue.put(Pending("huge", 100, 0.0))
    queue.put(Pending("small", 1, 0.0))
    assert queue.due(0.0) <= 0.0
    assert items(queue.take()) == ["huge"]
    assert items(queue.take()) == ["small"]


def test_a_full_queue_refuses_and_says_how_full():
    queue = busy_queue()
    queue.put(Pending("a", 7, 0.0))
    queue.put(Pending("b", 1, 0.0))
    with pytest.raises(QueueFullError, match="8 rows wait and at most 8 may"):
        queue.put(Pending("c", 1, 0.0))
    assert len(queue) == 2


def test_requests_put_back_come_first_and_alone():
    queue = busy_queue()
    queue.put(Pending("later", 1, 0.0))
    queue.put_back([Pending("x", 1, 0.0, alone=True), Pending("y", 1, 0.0, alone=True)])
    assert queue.due(0.0) <= 0.0
    assert [items(queue.take()) for _ in range(3)] == [["x"], ["y"], ["later"]]


def test_a_batch_stops_before_a_request_that_must_be_alone():
    queue = busy_queue()
    queue.put(Pending("a", 1, 0.0))
    queue.put(Pending("b", 1, 0.0, alone=True))
    assert queue.due(0.0) <= 0.0
    assert items(queue.take()) == ["a"]
    assert items(queue.take()) == ["b"]


def test_expired_requests_leave_and_free_their_rows():
    queue = busy_queue()
    queue.put(Pending("a", 2, 0.0, deadline=1.0))
    queue.put(Pending("b", 3, 0.0, deadline=5.0))
    assert items(queue.expire(0.5)) == []
    assert items(queue.expire(1.0)) == ["a"]
    assert (len(queue), queue.rows) == (1, 3)


@pytest.mark.parametrize("wrong", [{"max_rows": 0}, {"max_delay": -1.0}, {"capacity": 0}])
def test_a_policy_checks_its_values(wrong):
    with pytest.raises(
        ValueError, match="BatchPolicy: expected max_rows >= 1, max_delay >= 0, capacity >= 1"
    ):
        BatchPolicy(**wrong)
