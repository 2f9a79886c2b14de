"""In-place changes and views under autograd: version counters, rewritten history, what is forbidden."""

from __future__ import annotations

import numpy as np
import pytest

import taeda


def leaf(*values: float) -> taeda.Tensor:
    return taeda.tensor(values, dtype=taeda.float64, requires_grad=True)


def test_versions_count_changes_and_are_shared_by_views():
    x = taeda.zeros(4)
    view = x[1:]
    before = x._version
    view.add_(1)
    x.mul_(2)
    assert view._version == x._version == before + 2
    assert x.detach()._version == x._version


def test_a_saved_tensor_that_was_changed_is_noticed():
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y.exp()  # keeps its result
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_changing_what_was_not_saved_is_fine():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = y + 1
    y.mul_(5)
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_changing_a_view_rewrites_the_history_of_its_base():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 1
    y[1:3].mul_(10)
    assert y.grad_fn.name() == "CopySlices"
    (y * y).sum().backward()  # x0^2 + 100 x1^2 + 100 x2^2 + x3^2
    assert x.grad.tolist() == [2.0, 400.0, 600.0, 8.0]


def test_changing_a_base_rewrites_the_history_of_its_views():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    view = y[1:]
    y.mul_(3)
    (view * view).sum().backward()
    assert x.grad.tolist() == [0.0, 36.0, 54.0]


def test_two_views_of_one_base():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = (x * 1).reshape(2, 2)
    rows, columns = y[0], y[:, 0]
    rows.mul_(columns[1].clone())  # [3, 6], which depends on x2
    assert columns.tolist() == [3.0, 3.0]
    y.sum().backward()  # x0 x2 + x1 x2 + x2 + x3
    assert x.grad.tolist() == [3.0, 3.0, 4.0, 1.0]


def test_assignment_by_index_keeps_gradients_of_both_sides():
    x, new = leaf(1.0, 2.0, 3.0), leaf(5.0)
    y = x * 2
    y[1] = new[0] * 7
    (y * y).sum().backward()
    assert x.grad.tolist() == [8.0, 0.0, 24.0]
    assert new.grad.tolist() == [2 * 35.0 * 7]


def test_assignment_by_mask_and_by_indices():
    x = leaf(1.0, -2.0, 3.0)
    y = x * 1
    y[y < 0] = 0.0
    y[taeda.tensor([0, 2])] *= 3
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 0.0, 3.0]


def test_leaves_must_not_be_changed():
    x = leaf(1.0, 2.0)
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"
    ):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 3.0
    with taeda.no_grad():
        x.add_(1)
        x[0] = 7
    assert x.tolist() == [7.0, 3.0]
    assert x.is_leaf


def test_detached_tensors_may_be_changed():
    x = leaf(1.0, 2.0)
    memory = x.detach()
    memory[0] = 5
    memory.add_(1)
    x.data.mul_(2)
    assert x.tolist() == [12.0, 6.0]
    assert not memory.requires_grad
    assert memory.data_ptr() == x.data_ptr()


def test_a_view_made_without_gradients_stays_outside():
    x = leaf(1.0, 2.0)
    y = x * 1
    with taeda.no_grad():
        view = y[0:1]
    assert not view.requires_grad


def test_in_place_on_a_tensor_without_gradients_takes_up_history():
    x = leaf(2.0)
    total = taeda.zeros(1, dtype=taeda.float64)
    for _ in range(3):
        total += x * x
    assert total.requires_grad
    total.backward()
    assert x.grad.tolist() == [12.0]


def test_out_arguments_do_not_record():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match=r"don't support automatic differentiation"):
        taeda.add(x, x, out=taeda.empty(1, dtype=taeda.float64))


def test_detach_in_place_cuts_the_graph():
    x = leaf(1.0)
    y = x * 2
    y.detach_()
    assert y.is_leaf
    assert not y.requires_grad


def test_results_of_a_chain_of_views():
    array = np.arange(24.0).reshape(2, 3, 4)
    x = taeda.tensor(array, requires_grad=True)
    y = x * 1
    y.transpose(0, 2)[1:3].select(1, 2).mul_(y.new_tensor([[2.0, 3.0], [4.0, 5.0]]))
    weights = taeda.arange(24, dtype=taeda.float64).reshape(2, 3, 4)
    (y * weights).sum().backward()
    factors = np.ones_like(array)
    factors[:, 2, 1:3] = np.array([[2.0, 3.0], [4.0, 5.0]]).T
    np.testing.assert_array_equal(x.grad.numpy(), array * factors)
