"""Module: what it stores, how it is called, saved, converted and shown."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import pytest

import taeda
from taeda import nn


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(taeda.tensor([2.0, 3.0]))
        self.register_buffer("offset", taeda.tensor([1.0, 1.0]))
        self.register_buffer("scratch", taeda.zeros(1), persistent=False)

    def forward(self, x: Any, twice: bool = False) -> Any:
        result = x * self.scale + self.offset
        return 2 * result if twice else result


def small_net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def message(error: type[BaseException], call: Any) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


# -- attributes ----------------------------------------------------------------------------------------------


def test_assigned_parameters_buffers_and_modules_are_found() -> None:
    module = Scaled()
    module.child = nn.Linear(1, 1)
    assert [name for name, _ in module.named_parameters()] == ["scale", "child.weight", "child.bias"]
    assert [name for name, _ in module.named_buffers()] == ["offset", "scratch"]
    assert [name for name, _ in module.named_modules()] == ["", "child"]
    assert list(module.children()) == [module.child]


def test_shared_parameters_are_listed_once() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    net = nn.Sequential(first, second)
    assert len(list(net.parameters())) == 3
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4


def test_assignment_errors_name_type_and_attribute() -> None:
    linear = nn.Linear(1, 1)
    assert message(TypeError, lambda: setattr(linear, "weight", 3)) == (
        "cannot assign 'int' as parameter 'weight' (taeda.nn.Parameter or None expected)"
    )
    net = nn.Sequential(linear)
    assert message(TypeError, lambda: setattr(net, "0", 3)) == (
        "cannot assign 'int' as child module '0' (taeda.nn.Module or None expected)"
    )
    assert message(TypeError, lambda: setattr(nn.BatchNorm1d(1), "running_mean", 3)) == (
        "cannot assign 'int' as buffer 'running_mean' (taeda.nn.Buffer, taeda.Tensor or None expected)"
    )
    assert message(KeyError, lambda: linear.register_parameter("a.b", None)) == (
        repr('parameter name can\'t contain ".", got: a.b')
    )
    assert message(KeyError, lambda: linear.register_buffer("weight", None)) == (
        repr("attribute 'weight' already exists")
    )
    assert message(TypeError, lambda: linear.add_module("x", 3)) == "int is not a Module subclass"
    computed = nn.Parameter(taeda.ones(1)) * 2
    assert message(TypeError, lambda: linear.register_parameter("y", computed)).endswith(
        "object to parameter 'y' (taeda.nn.Parameter or None required)"
    )


def test_assignment_before_init_is_refused() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(taeda.ones(1))

    assert message(AttributeError, Early) == (
        "cannot assign parameters before Module.__init__() call; call super().__init__() first in __init__"
    )


def test_missing_attribute() -> None:
    assert message(AttributeError, lambda: nn.ReLU().nothing) == "'ReLU' object has no attribute 'nothing'"


def test_an_attribute_moves_between_kinds() -> None:
    module = nn.Module()
    module.x = 3
    module.x = nn.Parameter(taeda.ones(1))
    assert "x" in module._parameters
    del module.x
    module.x = nn.Buffer(taeda.ones(1), persistent=False)
    assert list(dict(module.named_buffers())) == ["x"]
    assert list(module.state_dict()) == []
    module.x = taeda.zeros(1)
    assert module._buffers["x"] is module.x
    module.x = None
    assert module.x is None


def test_look_up_by_dotted_name() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
    assert net.get_submodule("0.1") is net[0][1]
    assert net.get_submodule("") is net
    assert net.get_parameter("0.0.bias") is net[0][0].bias
    assert net.get_buffer("0.1.running_var") is net[0][1].running_var
    assert message(AttributeError, lambda: net.get_submodule("0.7")) == "Sequential has no attribute `7`"
    assert message(AttributeError, lambda: net.get_parameter("0.1.running_var")) == (
        "`running_var` is not an nn.Parameter"
    )
    assert message(AttributeError, lambda: net.get_buffer("0.0.bias")) == "`bias` is not a buffer"
    net.set_submodule("0.1", nn.ReLU())
    assert isinstance(net[0][1], nn.ReLU)


# -- calls and hooks -----------------------------------------------------------------------------------------


def test_call_passes_arguments_and_forward_is_required() -> None:
    assert Scaled()(taeda.tensor([1.0, 1.0]), twice=True).tolist() == [6.0, 8.0]
    assert message(NotImplementedError, lambda: nn.Module()(1)) == (
        'Module [Module] is missing the required "forward" function; define it in the class, or, for a list of '
        "layers, call them one by one or use nn.Sequential"
    )


def test_forward_hooks_see_and_replace() -> None:
    module, seen = Scaled(), []
    x = taeda.tensor([1.0, 1.0])
    module.register_forward_pre_hook(lambda m, args: (args[0] * 10,))
    module.register_forward_hook(lambda m, args, out: seen.append((args[0].tolist(), out.tolist())))
    replace = module.register_forward_hook(lambda m, args, out: out - 1)
    assert module(x).tolist() == [20.0, 30.0]
    assert seen == [([10.0, 10.0], [21.0, 31.0])]
    replace.remove()
    assert module(x).tolist() == [21.0, 31.0]


def test_hooks_with_keyword_arguments_and_order() -> None:
    module, order = Scaled(), []
    module.register_forward_pre_hook(lambda m, a, k: (a, {"twice": True}), with_kwargs=True)
    module.register_forward_hook(lambda m, a, k, out: order.append(("later", k)), with_kwargs=True)
    module.register_forward_hook(lambda m, a, out: order.append("first"), prepend=True)
    assert module(taeda.tensor([1.0, 1.0])).tolist() == [6.0, 8.0]
    assert order == ["first", ("later", {"twice": True})]


def test_always_called_hook_runs_after_an_error() -> None:
    module, seen = Scaled(), []
    module.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(TypeError):
        module(taeda.ones(2), wrong=1)
    assert seen == [None]


def test_bad_result_of_a_pre_hook() -> None:
    module = Scaled()
    module.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    assert message(RuntimeError, lambda: module(taeda.ones(2))) == (
        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got 3."
    )


def test_global_hooks_come_and_go() -> None:
    from taeda.nn.modules.module import register_module_forward_hook

    calls: list[str] = []
    with register_module_forward_hook(lambda m, args, out: calls.append(type(m).__name__)):
        small_net().eval()(taeda.ones(1, 2))
    small_net().eval()(taeda.ones(1, 2))
    assert calls == ["Linear", "BatchNorm1d", "Sequential"]


def test_full_backward_hooks() -> None:
    module, seen = Scaled(), {}
    module.register_full_backward_pre_hook(lambda m, grad_out: (grad_out[0] * 10,))

    def hook(m: Any, grad_in: Any, grad_out: Any) -> Any:
        seen["in"], seen["out"] = grad_in[0].tolist(), grad_out[0].tolist()
        return (grad_in[0] + 1,)

    module.register_full_backward_hook(hook)
    x = taeda.tensor([1.0, 2.0], requires_grad=True)
    module(x).sum().backward()
    assert seen == {"in": [20.0, 30.0], "out": [10.0, 10.0]}
    assert x.grad.tolist() == [21.0, 31.0]
    assert module.scale.grad.tolist() == [10.0, 20.0]


def test_full_backward_hook_without_differentiable_input() -> None:
    module, seen = Scaled(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    module(taeda.tensor([1.0, 2.0])).sum().backward()
    assert seen == [((None,), [1.0, 1.0])]


# -- state dictionaries --------------------------------------------------------------------------------------


def test_state_dict_names_and_sharing() -> None:
    net = small_net()
    state: Any = net.state_dict()
    assert list(state) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    ]
    assert not state["0.weight"].requires_grad
    assert state["0.weight"].data_ptr() == net[0].weight.data_ptr()
    assert state._metadata == OrderedDict(
        [("", {"version": 1}), ("0", {"version": 1}), ("1", {"version": 2})]
    )
    assert next(iter(net.state_dict(prefix="net."))) == "net.0.weight"


def test_state_dict_round_trip() -> None:
    source, target = small_net(), small_net()
    result = target.load_state_dict(source.state_dict())
    assert str(result) == "<All keys matched successfully>"
    for a, b in zip(source.parameters(), target.parameters(), strict=True):
        assert a is not b
        assert a.tolist() == b.tolist()


def test_load_errors_are_collected() -> None:
    net = small_net()
    state = dict(net.state_dict())
    del state["0.bias"]
    state["x.y"] = taeda.ones(1)
    state["0.weight"] = taeda.ones(1, 1)
    text = message(RuntimeError, lambda: net.load_state_dict(state))
    lines = text.split("\n\t")
    assert lines[0] == "Error(s) in loading state_dict for Sequential:"
    assert lines[1] == 'Missing key(s) in state_dict: "0.bias". '
    assert lines[2] == 'Unexpected key(s) in state_dict: "x.y". '
    assert lines[3] == (
        f"size mismatch for 0.weight: copying a param with shape {taeda.Size([1, 1])} from checkpoint, "
        f"the shape in current model is {taeda.Size([3, 2])}."
    )
    del state["0.weight"]
    result = net.load_state_dict(state, strict=False)
    assert result.missing_keys == ["0.weight", "0.bias"]
    assert result.unexpected_keys == ["x.y"]


def test_load_of_something_else() -> None:
    assert message(TypeError, lambda: nn.Linear(1, 1).load_state_dict(3)) == (
        "Expected state_dict to be dict-like, got <class 'int'>"
    )
    assert (
        'While copying the parameter named "weight", expected taeda.Tensor or Tensor-like object '
        "from checkpoint but received <class 'int'>"
    ) in message(RuntimeError, lambda: nn.Linear(1, 1, bias=False).load_state_dict({"weight": 3}))


def test_load_with_assign_takes_the_tensors() -> None:
    linear = nn.Linear(2, 1, bias=False)
    weight = taeda.ones(1, 2, dtype=taeda.float64)
    linear.load_state_dict({"weight": weight}, assign=True)
    assert linear.weight.dtype == taeda.float64
    assert linear.weight.data_ptr() == weight.data_ptr()
    assert isinstance(linear.weight, nn.Parameter)


def test_extra_state() -> None:
    class Counting(nn.Module):
        count = 0

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    one, two = Counting(), Counting()
    one.count = 5
    assert one.state_dict() == {"_extra_state": {"count": 5}}
    two.load_state_dict(one.state_dict())
    assert two.count == 5
    assert 'Missing key(s) in state_dict: "_extra_state". ' in message(
        RuntimeError, lambda: two.load_state_dict({})
    )


def test_state_dict_hooks() -> None:
    linear = nn.Linear(1, 1)
    linear.register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop(prefix + "bias") and None)
    assert list(linear.state_dict()) == ["weight"]

    other, events = nn.Linear(1, 1), []

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        events.append(module is other)
        state[prefix + "bias"] = state.pop(prefix + "b")

    other.register_load_state_dict_pre_hook(rename)
    other.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.append("made up"))
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "made up"'):
        other.load_state_dict({"weight": taeda.ones(1, 1), "b": taeda.ones(1)})
    assert events == [True]
    assert other.bias.tolist() == [1.0]


def test_batch_norm_reads_state_without_a_counter() -> None:
    norm = nn.BatchNorm1d(1)
    state = {k: v for k, v in norm.state_dict().items() if k != "num_batches_tracked"}
    norm.load_state_dict(state)
    assert int(norm.num_batches_tracked) == 0


# -- conversions, copies, text -------------------------------------------------------------------------------


def test_dtype_conversions_keep_parameters_and_integers() -> None:
    net = small_net()
    weight = net[0].weight
    net.double()
    assert net[0].weight is weight
    assert weight.dtype == taeda.float64
    assert net[1].running_mean.dtype == taeda.float64
    assert net[1].num_batches_tracked.dtype == taeda.int64
    assert net.to(taeda.bfloat16)[0].bias.dtype == taeda.bfloat16
    assert net.to(taeda.zeros(1))[0].bias.dtype == taeda.float32
    assert message(TypeError, lambda: net.to(taeda.int32)) == (
        f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={taeda.int32}"
    )


def test_conversion_takes_the_gradient_along() -> None:
    linear = nn.Linear(1, 1, bias=False)
    linear(taeda.ones(1, 1)).sum().backward()
    linear.double()
    assert linear.weight.grad.dtype == taeda.float64
    assert linear.weight.grad.tolist() == [[1.0]]


def test_meta_modules_are_filled_later() -> None:
    linear = nn.Linear(2, 2, device="meta")
    assert linear.weight.is_meta
    linear.to_empty(device="cpu")
    assert not linear.weight.is_meta
    assert linear.weight.shape == (2, 2)


def test_modes_and_gradients() -> None:
    net = small_net()
    assert net.training
    assert not net.eval()[1].training
    assert net.train()[1].training
    assert message(ValueError, lambda: net.train(3)) == "training mode is expected to be boolean, got int"
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    net(taeda.ones(2, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net[0].bias.grad.tolist() == [0.0, 0.0, 0.0]
    net.zero_grad()
    assert net[0].bias.grad is None


def test_apply_visits_children_first() -> None:
    names: list[str] = []
    small_net().apply(lambda m: names.append(type(m).__name__))
    assert names == ["Linear", "BatchNorm1d", "Sequential"]


def test_copies_are_independent() -> None:
    net = small_net()
    net[0].register_forward_hook(len)
    twin = copy.deepcopy(net)
    with taeda.no_grad():
        twin[0].weight.fill_(7)
    assert net[0].weight.tolist() != twin[0].weight.tolist()
    assert isinstance(twin[0].weight, nn.Parameter)
    assert len(twin[0]._forward_hooks) == 1


def test_pickle_round_trip() -> None:
    net = small_net()
    twin = pickle.loads(pickle.dumps(net))
    assert twin[0].weight.tolist() == net[0].weight.tolist()
    assert isinstance(twin[0].weight, nn.Parameter)
    assert twin[0].weight.requires_grad


def test_repr_is_nested() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.Sequential(nn.ReLU(), nn.Dropout(0.1)))
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=1, out_features=2, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Dropout(p=0.1, inplace=False)\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"
    assert repr(nn.Unfold(2)) == "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"


def test_constructor_refuses_arguments() -> None:
    assert message(TypeError, lambda: nn.Module(3)) == (
        "Module.__init__() takes 1 positional argument but 2 were given"
    )
    assert message(TypeError, lambda: nn.Tanh(inplace=True)) == (
        "Tanh.__init__() got an unexpected keyword argument 'inplace'"
    )
