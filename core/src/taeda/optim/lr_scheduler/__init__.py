"""Learning-rate schedules."""

from ._base import LRScheduler
from ._cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from ._cycle import CyclicLR, OneCycleLR
from ._factor import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from ._plateau import ReduceLROnPlateau
from ._sequence import ChainedScheduler, SequentialLR
from ._swa import SWALR

_LRScheduler = LRScheduler  # the older name

__all__ = [
    "SWALR",
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
