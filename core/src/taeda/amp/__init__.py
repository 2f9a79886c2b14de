"""Mixed precision: operators that gain from it compute in a lower precision, those that would suffer in float32.

Example:
    >>> import taeda
    >>> layer = taeda.nn.Linear(3, 2)
    >>> with taeda.amp.autocast("cpu"):
    ...     out = layer(taeda.ones(1, 3))
    >>> out.dtype, layer.weight.dtype
    (taeda.bfloat16, taeda.float32)
"""

from __future__ import annotations

from .autocast_mode import autocast, is_autocast_available
from .custom_functions import custom_bwd, custom_fwd
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
