"""Loggers with Lightning's names."""

from .csv_logs import CSVLogger
from .logger import Logger
from .tensorboard import SummaryWriter, TensorBoardLogger

__all__ = ["CSVLogger", "Logger", "SummaryWriter", "TensorBoardLogger"]
