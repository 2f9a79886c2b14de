"""Mistakes that people make in their first weeks, each with what the message must teach."""

# ruff: noqa: E501 (rows of tables)

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from error_cases import Case, check

import taeda
from taeda import nn, optim
from taeda.nn import functional as F
from taeda.utils.data import DataLoader, default_collate

ones, tensor = taeda.ones, taeda.tensor


def leaf() -> taeda.Tensor:
    """A leaf of three elements that requires grad."""
    return ones(3, requires_grad=True)


def module(**members: Any) -> Any:
    """An instance of a new class of modules."""
    return type("Net", (nn.Module,), members)()


def forgets_super(self: Any) -> None:
    """An __init__ without super().__init__()."""
    self.layer = nn.Linear(2, 2)


TENSORS: list[Case] = [
    (lambda: taeda.stack([ones(2), None]), TypeError, "argument 'tensors' (position 1) must be tuple of Tensors, but the item at position 1 is NoneType"),
    (lambda: taeda.cat(ones(2), ones(2)), TypeError, "must be tuple of Tensors, not taeda.Tensor; put the tensors into a list"),
    (lambda: taeda.cat([ones(2, 3), ones(3)]), RuntimeError, "cat: Tensors must have same number of dimensions: got 2 and 1; unsqueeze() adds one"),
    (lambda: nn.Linear(3, 2)(np.ones((1, 3), np.float32)), TypeError, "must be Tensor, not numpy.ndarray; taeda.from_numpy() makes one of it"),
    (lambda: taeda.sum([1, 2]), TypeError, "must be Tensor, not list; taeda.tensor() makes one of it"),
    (lambda: taeda.zeros(2, dtype=np.float32), TypeError, "must be taeda.dtype, not type; dtypes are objects such as taeda.float32"),
    (lambda: taeda.from_numpy([1, 2]), TypeError, "from_numpy: expected np.ndarray (got list); taeda.tensor() takes lists and numbers"),
    (lambda: tensor(["a"]), TypeError, "tensor(): invalid data type 'str'; expected numbers or nested sequences of numbers"),
    (lambda: ones(2, 3, 4).permute(0, 1), RuntimeError, "permute: number of dimensions|3 dimensions of shape [2, 3, 4], but 2 in [0, 1]; name each dimension once"),
    (lambda: ones(2, 3).t().view(-1), RuntimeError, "Use .reshape(...) instead|shape [3, 2], strides [1, 3]"),
    (lambda: ones(3).item(), RuntimeError, "a Tensor with 3 elements cannot be converted to Scalar; it has shape [3], use .tolist()"),
    (lambda: bool(ones(3) > 0), RuntimeError, "ambiguous; use .any() or .all() (shape [3])"),
    (lambda: leaf().numpy(), RuntimeError, "Use tensor.detach().numpy() instead"),
    (lambda: ones(3)["a"], IndexError, "only integers, slices|(got str)"),
    (lambda: ones(3)[tensor([1.0])], IndexError, "must be long, int, byte or bool tensors, got taeda.float32"),
    (lambda: ones(2).masked_fill(ones(2), 0), RuntimeError, "masked_fill only supports boolean masks, but got mask with dtype taeda.float32; compare to get one: mask != 0"),
    (lambda: ones(2, layout=taeda.sparse_coo), NotImplementedError, "layout taeda.sparse_coo is not supported: tensors are strided; leave layout= out"),
    (lambda: taeda.compile(ones), AttributeError, "no attribute 'compile': graph capture is not there yet; call the function or the model itself"),
    (lambda: taeda.hash_tensor(ones(2)), AttributeError, "no attribute 'hash_tensor': its result is of dtype uint64, which is not there"),
    (lambda: ones(3) & ones(3), RuntimeError, "\"bitwise_and\" not implemented for 'Float'; convert the operands first, e.g. with .long() or .bool()"),
    (lambda: taeda.set_default_dtype("float64"), TypeError, "expected a taeda.dtype, got str; dtypes are objects such as taeda.float32"),
    (lambda: taeda.autocast("gpu"), ValueError, "autocast: expected a device type of cpu, cuda, got 'gpu'"),
    (lambda: taeda.sotmax, AttributeError, "module 'taeda' has no attribute 'sotmax'; did you mean 'softmax'?"),
    (lambda: taeda.complex32, AttributeError, "no complex numbers of half precision; use complex64"),
]  # fmt: skip


@pytest.mark.parametrize("case", TENSORS)
def test_tensors(case: Case) -> None:
    check(case)


GRADIENTS: list[Case] = [
    (lambda: leaf().add_(1), RuntimeError, "a leaf Variable that requires grad|add_; wrap the change in `with taeda.no_grad():` or work on a clone()"),
    (lambda: (leaf() * 2).backward(), RuntimeError, "only for scalar outputs; got shape [3], pass a gradient of that shape or reduce the output, e.g. with .sum()"),
    (lambda: ones(3).sum().backward(), RuntimeError, "element 0 of tensors does not require grad|call .requires_grad_() on a tensor that it is computed from|no_grad()|.detach()"),
    (lambda: taeda.autograd.grad(leaf().sum(), leaf()), RuntimeError, "(inputs[0]) appears to not have been used in the graph. Set allow_unused=True"),
    (lambda: nn.Parameter(ones(2).long()), RuntimeError, "this one is taeda.int64, convert it first, e.g. with .float()"),
]  # fmt: skip


@pytest.mark.parametrize("case", GRADIENTS)
def test_gradients(case: Case) -> None:
    check(case)


def test_backward_twice() -> None:
    loss = (leaf() ** 2).sum()
    loss.backward()
    check((loss.backward, RuntimeError, "second time|Specify retain_graph=True"))


LAYERS: list[Case] = [
    (lambda: nn.BatchNorm1d(3)(ones(1, 3)), ValueError, "batch_norm: Expected more than 1 value per channel when training, got input size [1, 3]; use a larger batch|drop_last=True|.eval()"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible by groups, got 3 channels and 2 groups"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible by groups, got 3 channels and 2 groups"),
    (lambda: nn.Dropout(2.0), ValueError, "between 0 and 1, but got 2.0; it is the share of elements to zero"),
    (lambda: nn.Sequential([nn.ReLU()]), TypeError, "list is not a Module subclass; pass the modules one by one, Sequential(*modules)"),
    (lambda: nn.Sequential(F.relu), TypeError, "is not a Module subclass; use the layer instead of the function (nn.ReLU() for functional.relu)"),
    (lambda: nn.Sequential(nn.ReLU), TypeError, "is not a Module subclass; make an instance of it: ReLU()"),
    (lambda: module(__init__=forgets_super), AttributeError, "cannot assign module before Module.__init__() call; call super().__init__() first in __init__"),
    (lambda: module()(ones(2)), NotImplementedError, 'Module [Net] is missing the required "forward" function; define it in the class'),
    (lambda: nn.ModuleList([nn.ReLU()])(ones(2)), NotImplementedError, "for a list of layers, call them one by one or use nn.Sequential"),
    (lambda: F.mse_loss(ones(2), ones(2), reduction="avg"), ValueError, "avg is not a valid value for reduction; expected 'none', 'mean' or 'sum'"),
    (lambda: F.interpolate(ones(1, 1, 4, 4), scale_factor=2, mode="linear"), NotImplementedError, "interpolate: Got 4D input, but linear mode needs 3D input; use mode='bilinear'"),
    (lambda: F.interpolate(ones(1, 1, 4, 4), scale_factor=2, mode="cubic"), NotImplementedError, "interpolate: unknown mode 'cubic'; expected one of nearest, linear"),
    (
        lambda: F.ctc_loss(ones(5, 2, 4), tensor([[1, 2], [3, 9]]), tensor([5, 5]), tensor([2, 2])),
        RuntimeError, "ctc_loss: labels must be from 0 to 3, as log_probs has 4 classes; got labels from 1 to 9",
    ),
    (lambda: nn.LSTM(3, 4)(ones(5, 2, 3).double()), ValueError, "LSTM: input must have the type taeda.float32, got type taeda.float64; convert it with .to(taeda.float32)"),
    (lambda: F.nll_loss(ones(4, 3), tensor([0] * 5)), ValueError, "nll_loss: Expected input batch_size (4) to match target batch_size (5), got shapes [4, 3] and [5]"),
    (lambda: F.binary_cross_entropy(ones(4, 1), ones(4)), ValueError, "Please ensure they have the same size; squeeze(), unsqueeze() or reshape() one of them"),
    (lambda: F.softshrink(ones(2), -1.0), RuntimeError, "softshrink: lambd must be at least 0, got -1.0"),
    (lambda: nn.utils.clip_grad_norm_(nn.Linear(2, 2), 1.0), TypeError, "expected a tensor or an iterable of tensors, got Linear; pass .parameters() of a model"),
]  # fmt: skip


@pytest.mark.parametrize("case", LAYERS)
def test_layers(case: Case) -> None:
    check(case)


class Net(nn.Module):
    """A network with layers inside of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleList([nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 5))])

    def forward(self, x: taeda.Tensor) -> taeda.Tensor:
        """Runs the body."""
        for part in self.body:
            x = part(x)
        return x


def test_errors_inside_a_network_name_the_layer() -> None:
    with pytest.raises(RuntimeError) as caught:
        Net()(ones(1, 2))
    assert getattr(caught.value, "__notes__", []) == ["in layer body.0.1 (Linear) of Net"]


def test_errors_behind_hooks_name_the_layer_too() -> None:
    net = Net()
    net.body[0].register_forward_hook(lambda *_: None)
    with pytest.raises(RuntimeError) as caught:
        net(ones(1, 2))
    assert getattr(caught.value, "__notes__", []) == ["in layer body.0.1 (Linear) of Net"]


def test_copies_of_errors_leave_the_network_behind() -> None:
    net = Net()
    net.unpicklable = lambda: None
    with pytest.raises(RuntimeError) as caught:
        net(ones(1, 2))
    copied = pickle.loads(pickle.dumps(caught.value))
    assert str(copied) == str(caught.value)
    assert copied.__notes__ == ["in layer body.0.1 (Linear) of Net"]


def test_a_layer_alone_needs_no_name() -> None:
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(2, 3)(ones(1, 5))
    assert not hasattr(caught.value, "__notes__")


OPTIMIZERS: list[Case] = [
    (lambda: optim.SGD([]), ValueError, "SGD: optimizer got an empty parameter list; either the model has no parameters, or the iterator of parameters() is used up"),
    (lambda: optim.SGD(nn.Linear(2, 2)), TypeError, "SGD: params must be an iterable of Tensors or dicts, but got Linear; pass .parameters() of a model"),
    (lambda: optim.SGD(leaf()), TypeError, "but got Tensor; put the tensor into a list"),
    (lambda: optim.SGD([nn.Linear(2, 2)]), TypeError, "one of the params is Linear; pass .parameters() of a model"),
    (lambda: optim.SGD([leaf() * 2]), ValueError, "can't optimize a non-leaf Tensor: a parameter of shape [3] is the result of MulBackward0; pass the tensors that it is computed from"),
    (lambda: optim.Adam([leaf()], lr=-1), ValueError, "Invalid learning rate: -1; expected at least 0"),
    (lambda: optim.Adam([leaf()], lr="0.1"), TypeError, "Invalid learning rate: '0.1' of type str; expected a number"),
    (lambda: optim.Adam([{"lr": 0.1}]), KeyError, "a parameter group needs the key 'params', got ['lr']"),
    (lambda: optim.SGD([leaf()]).load_state_dict({}), KeyError, "SGD.load_state_dict: expected the keys 'state' and 'param_groups', got []"),
    (lambda: optim.lr_scheduler.StepLR(nn.Linear(2, 2), 1), TypeError, "StepLR: Linear is not an Optimizer; pass the optimizer whose lr it changes"),
    (lambda: optim.lr_scheduler.OneCycleLR(optim.SGD([leaf()]), 0.1, epochs=2), ValueError, "OneCycleLR|got epochs=2 and steps_per_epoch=None; steps_per_epoch is len(loader)"),
    (
        lambda: optim.SGD([leaf()]).load_state_dict(optim.SGD([leaf(), leaf()]).state_dict()),
        ValueError, "[2] parameters in the state dict, [1] in the optimizer; it was saved for another model",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers(case: Case) -> None:
    check(case)


def prefixed(prefix: str) -> dict[str, taeda.Tensor]:
    """The state of a layer, with a prefix before its names."""
    return {prefix + key: value for key, value in nn.Linear(2, 2).state_dict().items()}


STATE_DICTS: list[Case] = [
    (lambda: nn.Linear(2, 2).load_state_dict(prefixed("module.")), RuntimeError, 'with "module." in front; take it away: {key.removeprefix("module."): value'),
    (lambda: nn.Sequential(nn.Linear(2, 2)).load_state_dict(prefixed("")), RuntimeError, 'The unexpected keys lack "0." in front; add it: {"0." + key: value'),
    (lambda: nn.Linear(2, 2).load_state_dict({"epoch": 1, "model": prefixed("")}), RuntimeError, 'This is a whole checkpoint: pass its entry, load_state_dict(checkpoint["model"])'),
    (lambda: nn.Linear(2, 2).load_state_dict("model.pth"), TypeError, "got <class 'str'>; read the file first: load_state_dict(taeda.load('model.pth'))"),
    (lambda: nn.Linear(2, 2).load_state_dict(nn.Linear(2, 2)), TypeError, "pass its state_dict()"),
]  # fmt: skip


@pytest.mark.parametrize("case", STATE_DICTS)
def test_state_dicts(case: Case) -> None:
    check(case)


def test_memory_that_was_not_given_is_not_counted() -> None:
    before = taeda.cpu.memory_allocated()
    check((lambda: taeda.empty(2**50), taeda.OutOfMemoryError, "cannot get|bytes are held by tensors"))
    assert taeda.cpu.memory_allocated() == before


DATA: list[Case] = [
    (lambda: DataLoader(3), TypeError, "DataLoader: int has no __len__, so there is nothing to draw from; define __len__ and __getitem__"),
    (lambda: DataLoader([1], batch_size="4"), ValueError, "should be a positive integer value, but got batch_size='4'"),
    (lambda: default_collate([{"a": 1}, {"b": 2}]), KeyError, "default_collate: sample 1 of the batch has no 'a', which the first one has; give all samples the same keys"),
]  # fmt: skip


@pytest.mark.parametrize("case", DATA)
def test_data(case: Case) -> None:
    check(case)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    check((lambda: taeda.load(tmp_path / "none.pt"), FileNotFoundError, "none.pt"))
