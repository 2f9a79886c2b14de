"""taeda: tensors and automatic differentiation with PyTorch's names, on a small native core.

Example:
    >>> import taeda
    >>> x = taeda.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from taeda import _waiting as _waiting  # isort: skip  # before anything loads _C
from taeda import _C
from taeda import _tensor as _tensor  # adds Python methods to Tensor
from taeda._C import (
    Generator,
    OutOfMemoryError,
    Size,
    Tensor,
    UntypedStorage,
    as_tensor,
    bfloat16,
    bool,
    cdouble,
    cfloat,
    channels_last,
    channels_last_3d,
    complex64,
    complex128,
    contiguous_format,
    default_generator,
    device,
    double,
    dtype,
    float,
    float16,
    float32,
    float64,
    from_dlpack,
    from_numpy,
    frombuffer,
    get_default_dtype,
    get_num_threads,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    is_grad_enabled,
    is_inference_mode_enabled,
    layout,
    long,
    memory_format,
    preserve_format,
    promote_types,
    result_type,
    set_default_dtype,
    set_num_threads,
    short,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
    tensor,
    uint8,
)
from taeda._extra import *
from taeda._extra import __all__ as _extra_names
from taeda._factors import *
from taeda._factors import __all__ as _factor_names
from taeda._functions import *
from taeda._functions import __all__ as _function_names
from taeda._printing import set_printoptions
from taeda._products import *
from taeda._products import __all__ as _product_names
from taeda._searching import *
from taeda._searching import __all__ as _searching_names
from taeda._statistics import *
from taeda._statistics import __all__ as _statistics_names
from taeda.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from taeda.random import get_rng_state, initial_seed, manual_seed, seed, set_rng_state

if TYPE_CHECKING:
    from taeda import (
        accelerator,
        amp,
        autograd,
        backends,
        cpu,
        fft,
        hub,
        linalg,
        masked,
        nn,
        optim,
        random,
        serialization,
        signal,
        special,
        testing,
        utils,
        version,
    )
    from taeda._determinism import (
        are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    )
    from taeda._determinism import (
        is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
    )
    from taeda._determinism import use_deterministic_algorithms as use_deterministic_algorithms
    from taeda._histograms import histogram as histogram
    from taeda._histograms import histogramdd as histogramdd
    from taeda._limits import finfo, iinfo
    from taeda._lowrank import pca_lowrank as pca_lowrank
    from taeda._lowrank import svd_lowrank as svd_lowrank
    from taeda._short_time import bartlett_window as bartlett_window
    from taeda._short_time import blackman_window as blackman_window
    from taeda._short_time import hamming_window as hamming_window
    from taeda._short_time import hann_window as hann_window
    from taeda._short_time import istft as istft
    from taeda._short_time import kaiser_window as kaiser_window
    from taeda._short_time import stft as stft
    from taeda.amp.autocast_mode import autocast as autocast
    from taeda.amp.autocast_mode import clear_autocast_cache as clear_autocast_cache
    from taeda.amp.autocast_mode import get_autocast_dtype as get_autocast_dtype
    from taeda.amp.autocast_mode import is_autocast_cache_enabled as is_autocast_cache_enabled
    from taeda.amp.autocast_mode import is_autocast_cpu_enabled as is_autocast_cpu_enabled
    from taeda.amp.autocast_mode import is_autocast_enabled as is_autocast_enabled
    from taeda.amp.autocast_mode import set_autocast_cache_enabled as set_autocast_cache_enabled
    from taeda.amp.autocast_mode import set_autocast_dtype as set_autocast_dtype
    from taeda.backends import get_float32_matmul_precision as get_float32_matmul_precision
    from taeda.backends import set_float32_matmul_precision as set_float32_matmul_precision
    from taeda.linalg import matrix_power as matrix_power
    from taeda.serialization import load, save

__version__ = "0.1.0"

inf = 1e999
nan = inf - inf
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None

# Imported on first use, so that `import taeda` stays quick.
_MODULES = (
    "accelerator amp autograd backends cpu cuda fft hub library linalg masked nn optim overrides random serialization "
    "signal special testing utils version"
).split()
_LAZY_NAMES = {"save": "serialization", "load": "serialization", "finfo": "_limits", "iinfo": "_limits"}
_LAZY_NAMES |= dict.fromkeys(
    ("stft", "istft", "bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"),
    "_short_time",
)
_LAZY_NAMES |= {"matrix_power": "linalg", "histogram": "_histograms", "histogramdd": "_histograms"}
_LAZY_NAMES |= {"pca_lowrank": "_lowrank", "svd_lowrank": "_lowrank"}
_LAZY_NAMES |= dict.fromkeys(
    (
        "alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy select_copy slice_copy "
        "split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy "
        "view_as_complex_copy view_as_real_copy view_copy"
    ).split(),
    "_copies",
)
_LAZY_NAMES |= dict.fromkeys(
    (
        "autocast clear_autocast_cache get_autocast_dtype is_autocast_cache_enabled is_autocast_cpu_enabled "
        "is_autocast_enabled set_autocast_cache_enabled set_autocast_dtype"
    ).split(),
    "amp.autocast_mode",
)
_LAZY_NAMES |= dict.fromkeys(("get_float32_matmul_precision", "set_float32_matmul_precision"), "backends")
_LAZY_NAMES |= dict.fromkeys(
    (
        "are_deterministic_algorithms_enabled is_deterministic_algorithms_warn_only_enabled "
        "use_deterministic_algorithms"
    ).split(),
    "_determinism",
)

# An operator that torch has under this name, and does not list either.
_addmm_activation = _C.ops._addmm_activation

__all__ = [
    "Generator", "OutOfMemoryError", "Size", "Tensor", "UntypedStorage", "as_tensor", "bfloat16", "bool",
    "cdouble", "cfloat",
    "channels_last", "channels_last_3d", "complex64", "complex128", "contiguous_format", "default_generator",
    "device", "double", "dtype", "e", "enable_grad", "finfo", "float", "float16", "float32", "float64",
    "from_dlpack", "from_numpy", "frombuffer", "get_default_dtype", "get_num_threads", "get_rng_state",
    "half", "iinfo", "inf", "inference_mode", "initial_seed", "int", "int8", "int16", "int32", "int64",
    "is_grad_enabled", "is_inference_mode_enabled", "layout", "load", "long", "manual_seed", "memory_format",
    "nan", "newaxis", "no_grad", "pi", "preserve_format", "promote_types", "result_type", "save", "seed",
    "set_default_dtype", "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state", "short",
    "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr", "strided", "tensor", "uint8",
]  # fmt: skip
__all__ += _function_names
__all__ += _extra_names
__all__ += _factor_names
__all__ += _product_names
__all__ += _searching_names
__all__ += _statistics_names


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        try:
            return importlib.import_module(f"taeda.{name}")
        except ModuleNotFoundError as error:
            # An optional part that this installation lacks: hasattr() and getattr(..., default) must work.
            if error.name != f"taeda.{name}":
                raise
    if name in _LAZY_NAMES:
        value = getattr(importlib.import_module(f"taeda.{_LAZY_NAMES[name]}"), name)
        globals()[name] = value
        return value
    from taeda._missing import missing_attribute

    raise missing_attribute(name, {*globals(), *_MODULES, *_LAZY_NAMES})


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_LAZY_NAMES})
