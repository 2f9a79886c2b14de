"""Groups, state dictionaries, hooks and errors of optimizers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import taeda
from taeda import nn, optim
from taeda.optim.optimizer import register_optimizer_step_post_hook


def parameters(count: int = 2) -> list[nn.Parameter]:
    made = [nn.Parameter(taeda.ones(2)) for _ in range(count)]
    for p in made:
        p.grad = taeda.ones(2)
    return made


def test_groups_have_their_own_options() -> None:
    a, b = parameters()
    optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.1)
    optimizer.step()
    assert a.tolist() == [0.5, 0.5]
    assert b.tolist() == pytest.approx([0.9, 0.9])


def test_parameters_without_gradient_stay() -> None:
    a, b = parameters()
    b.grad = None
    optimizer = optim.Adam([a, b])
    optimizer.step()
    assert b.tolist() == [1.0, 1.0]
    assert list(optimizer.state) == [a]


def test_state_dict_has_numbers_for_parameters() -> None:
    a, b = parameters()
    optimizer = optim.Adam([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"]
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert sorted(state["param_groups"][0]) == [
        "amsgrad",
        "betas",
        "capturable",
        "decoupled_weight_decay",
        "differentiable",
        "eps",
        "foreach",
        "fused",
        "lr",
        "maximize",
        "params",
        "weight_decay",
    ]
    assert list(state["state"]) == [0, 1]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]


def test_a_loaded_optimizer_goes_on_in_the_same_way() -> None:
    results = []
    for resume in (False, True):
        (p,) = parameters(1)
        optimizer: Any = optim.Adam([p], lr=0.1)
        for i in range(4):
            if resume and i == 2:
                state = copy.deepcopy(optimizer.state_dict())
                optimizer = optim.Adam([p], lr=9.0)
                optimizer.load_state_dict(state)
            p.grad = taeda.tensor([1.0, float(i)])
            optimizer.step()
        results.append(p.tolist())
    assert results[0] == results[1]


def test_loaded_state_takes_the_parameters_dtype_but_steps_do_not() -> None:
    (p,) = parameters(1)
    optimizer = optim.Adam([p])
    optimizer.step()
    (q,) = parameters(1)
    q.data = q.data.double()
    other = optim.Adam([q])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[q]["exp_avg"].dtype == taeda.float64
    assert other.state[q]["step"].dtype == taeda.float32


def test_named_parameters() -> None:
    linear = nn.Linear(1, 1)
    optimizer = optim.SGD(linear.named_parameters(), lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_closure_and_its_loss() -> None:
    (p,) = parameters(1)
    optimizer = optim.SGD([p], lr=0.25)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2.0
    assert p.tolist() == [0.5, 0.5]


def test_zero_grad() -> None:
    a, b = parameters()
    optimizer = optim.SGD([a, b], lr=0.1)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert a.grad is None


def test_steps_change_parameters_in_place_and_leave_no_graph() -> None:
    (p,) = parameters(1)
    address, version = p.data_ptr(), p._version
    optim.Adam([p]).step()
    assert p.data_ptr() == address
    assert p._version > version
    assert p.is_leaf


def test_hooks_around_a_step() -> None:
    (p,) = parameters(1)
    optimizer, events = optim.SGD([p], lr=0.1), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: events.append(("before", p.tolist())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: events.append("after"))
    with register_optimizer_step_post_hook(lambda o, args, kwargs: events.append("everywhere")):
        optimizer.step()
    optimizer.step()
    assert events[:3] == [("before", [1.0, 1.0]), "after", "everywhere"]
    assert len(events) == 5


def test_hooks_of_state_dicts() -> None:
    (p,) = parameters(1)
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    optimizer.register_load_state_dict_pre_hook(
        lambda o, state: {k: v for k, v in state.items() if k != "more"}
    )
    state = optimizer.state_dict()
    assert state["more"] == 1
    optimizer.load_state_dict(state)


def test_repr_and_pickle() -> None:
    optimizer = optim.SGD(parameters(1), lr=0.1, momentum=0.9)
    text = (
        "SGD (\nParameter Group 0\n"
        "    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n"
        "    lr: 0.1\n    maximize: False\n    momentum: 0.9\n    nesterov: False\n    weight_decay: 0\n)"
    )
    assert repr(optimizer) == text
    twin = pickle.loads(pickle.dumps(optimizer))
    assert repr(twin) == text
    twin.step()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: optim.SGD([], lr=0.1), ValueError, "optimizer got an empty parameter list"),
        (
            lambda: optim.SGD(taeda.ones(1), lr=0.1),
            TypeError,
            "should be an iterable of Tensors or dicts, but got",
        ),
        (lambda: optim.SGD([3], lr=0.1), TypeError, "but one of the params is int"),
        (lambda: optim.SGD([{"params": set(parameters())}]), TypeError, "Please use a list instead."),
        (
            lambda: optim.SGD([nn.Parameter(taeda.ones(1)) * 2]),
            ValueError,
            "can't optimize a non-leaf Tensor",
        ),
        (lambda: optim.SGD(parameters(), lr=-1), ValueError, "Invalid learning rate: -1"),
        (
            lambda: optim.SGD(parameters(), nesterov=True),
            ValueError,
            "Nesterov momentum requires a momentum and zero",
        ),
        (
            lambda: optim.Adam(parameters(), betas=(1.0, 0.9)),
            ValueError,
            "Invalid beta parameter at index 0: 1.0",
        ),
        (lambda: optim.Adam(parameters(), eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda: optim.Rprop(parameters(), etas=(2, 3)), ValueError, "Invalid eta values: 2, 3"),
        (lambda: optim.LBFGS([{"params": p} for p in parameters()]), ValueError, "parameter groups"),
    ],
)
def test_errors(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert text in str(caught.value)


def test_errors_of_groups_and_loading() -> None:
    a, b = parameters()
    optimizer = optim.SGD([a], lr=0.1)
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [a]})
    other = optim.SGD([{"params": [a]}, {"params": [b]}], lr=0.1)
    with pytest.raises(ValueError, match="loaded state dict has a different number of parameter groups"):
        optimizer.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="that doesn't match the size of optimizer's group"):
        optimizer.load_state_dict(optim.SGD([a, b], lr=0.1).state_dict())
