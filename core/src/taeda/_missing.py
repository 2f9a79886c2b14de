"""What is said of names that `taeda` and its packages do not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["missing_attribute"]

_SPARSE = "sparse tensors are not there yet; use a dense tensor"
_GRAPHS = "graph capture is not there yet; call the function or the model itself"
_QUANTIZED = "quantization is not there yet; use float16 or bfloat16 for smaller models"
_DEVICES = "training on several devices is not there yet; use the model itself on one"
_NESTED = "nested tensors are not there yet; pad with taeda.nn.utils.rnn.pad_sequence"
_ANOMALIES = "anomaly detection is not there yet; look for x.isnan().any(), in backward with x.register_hook"
_PROFILER = "a profiler is not there yet; use cProfile, or time.perf_counter around taeda.cuda.synchronize()"
_APPLE = "GPUs of Apple are not supported; use 'cpu', or 'cuda' on NVIDIA's"

# Names of torch that people look for, and what to do without them; those in packages with the package's name in front.
_ADVICE = {
    "chalf": "there are no complex numbers of half precision; use complex64",
    "complex32": "there are no complex numbers of half precision; use complex64",
    "hash_tensor": "its result is of dtype uint64, which is not there; compare tensors with taeda.equal",
    "uint16": "there are int8, int16, int32, int64 and uint8; use int32",
    "uint32": "there are int8, int16, int32, int64 and uint8; use int64",
    "uint64": "there are int8, int16, int32, int64 and uint8; use int64",
    "float8_e4m3fn": "the smallest floating-point dtypes are float16 and bfloat16",
    "float8_e5m2": "the smallest floating-point dtypes are float16 and bfloat16",
    "compile": _GRAPHS,
    "jit": _GRAPHS,
    "export": _GRAPHS,
    "fx": _GRAPHS,
    "onnx": _GRAPHS,
    "func": "function transforms are not there yet; write the batch dimension out",
    "vmap": "function transforms are not there yet; write the batch dimension out",
    "distributed": "training on several machines is not there yet; train on one",
    "sparse": _SPARSE,
    "sparse_coo_tensor": _SPARSE,
    "sparse_csr_tensor": _SPARSE,
    "sparse_compressed_tensor": _SPARSE,
    "quantize_per_tensor": _QUANTIZED,
    "quantize_per_channel": _QUANTIZED,
    "qint8": _QUANTIZED,
    "quint8": _QUANTIZED,
    "quantization": _QUANTIZED,
    "ao": _QUANTIZED,
    "nested": _NESTED,
    "profiler": _PROFILER,
    "mps": _APPLE,
    "distributions": "sample with taeda.normal, bernoulli, poisson or multinomial; taeda.nn has losses for likelihoods",
    "multiprocessing": "use Python's multiprocessing, which copies tensors, or DataLoader(num_workers=...)",
    "set_default_tensor_type": "use set_default_dtype",
    "autograd.anomaly_mode": _ANOMALIES,
    "autograd.detect_anomaly": _ANOMALIES,
    "autograd.set_detect_anomaly": _ANOMALIES,
    "autograd.forward_ad": "forward mode is not there yet; use taeda.autograd.grad",
    "autograd.functional": "jacobian() and hessian() are not there yet; call taeda.autograd.grad once per output",
    "autograd.profiler": _PROFILER,
    "hub.load": "code is never downloaded; taeda_vision.models has networks, load_state_dict_from_url gets weights",
    "nn.DataParallel": _DEVICES,
    "nn.parallel": _DEVICES,
    "nn.quantized": _QUANTIZED,
    "nn.utils.prune": "pruning is not there yet; multiply weights by a mask with taeda.nn.utils.parametrize",
    "utils.benchmark": "use timeit",
    "utils.tensorboard": "taeda_lightning.loggers.TensorBoardLogger writes such files",
}
_ADVICE |= {
    f"{kind}Tensor": f"use taeda.tensor(data, dtype=taeda.{dtype}), or taeda.empty(sizes, dtype=taeda.{dtype})"
    for kind, dtype in (
        ("Float", "float32"), ("Double", "float64"), ("Half", "float16"), ("BFloat16", "bfloat16"), ("Byte", "uint8"),
        ("Char", "int8"), ("Short", "int16"), ("Int", "int32"), ("Long", "int64"), ("Bool", "bool"),
    )
}  # fmt: skip
_ADVICE |= {
    name: f"it is a package of its own; import taeda_{name}"
    for name in ("vision", "text", "audio", "lightning", "serve")
}


def missing_attribute(name: str, known: Iterable[str], package: str = "") -> AttributeError:
    """The error for a missing name: with advice for names of torch, and the likely name for misspelt ones.

    Args:
        name: what was looked for.
        known: the names that are there.
        package: where it was looked for, without `taeda.` ("nn.utils"); empty for `taeda` itself.
    """
    advice = ""
    in_torch = f"{package}.{name}" if package else name
    if in_torch in _ADVICE:
        advice = f": {_ADVICE[in_torch]}"
    elif name and name[0] != "_":
        # Misspelt names mostly begin as they should, and hasattr() must stay quick.
        near = difflib.get_close_matches(
            name, [other for other in known if other[0] == name[0] and other != name], n=1, cutoff=0.75
        )
        advice = f"; did you mean {near[0]!r}?" if near else ""
    module = f"taeda.{package}" if package else "taeda"
    return AttributeError(f"module {module!r} has no attribute {name!r}{advice}")
