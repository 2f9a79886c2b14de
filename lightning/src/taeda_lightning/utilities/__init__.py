"""Small helpers under Lightning's names."""

from ..batches import move_data_to_device
from ..combined_loader import CombinedLoader
from ..hooks import is_overridden
from ..hyperparameters import AttributeDict
from .gradients import grad_norm
from .rank_zero import rank_zero_info, rank_zero_only, rank_zero_warn

__all__ = [
    "AttributeDict",
    "CombinedLoader",
    "grad_norm",
    "is_overridden",
    "move_data_to_device",
    "rank_zero_info",
    "rank_zero_only",
    "rank_zero_warn",
]
