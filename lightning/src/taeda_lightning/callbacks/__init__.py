"""Callbacks with Lightning's names."""

from .callback import Callback
from .checkpoint import Checkpoint
from .early_stopping import EarlyStopping
from .gradient_accumulation_scheduler import GradientAccumulationScheduler
from .lambda_callback import LambdaCallback
from .lr_monitor import LearningRateMonitor
from .model_checkpoint import ModelCheckpoint
from .model_summary import ModelSummary
from .on_exception_checkpoint import OnExceptionCheckpoint
from .progress_bar import ProgressBar, TerminalProgressBar, TQDMProgressBar
from .stochastic_weight_averaging import StochasticWeightAveraging
from .timer import Timer

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "GradientAccumulationScheduler",
    "LambdaCallback",
    "LearningRateMonitor",
    "ModelCheckpoint",
    "ModelSummary",
    "OnExceptionCheckpoint",
    "ProgressBar",
    "StochasticWeightAveraging",
    "TQDMProgressBar",
    "TerminalProgressBar",
    "Timer",
]
