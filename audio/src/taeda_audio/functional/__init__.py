"""Functions on waveforms and spectrograms, under torchaudio's names."""

from .convolution import convolve, fftconvolve
from .edit_distance import edit_distance
from .filterbanks import create_dct, linear_fbanks, melscale_fbanks
from .level import (
    DB_to_amplitude,
    add_noise,
    amplitude_to_DB,
    gain,
    mu_law_decoding,
    mu_law_encoding,
    preemphasis,
)
from .masking import mask_along_axis, mask_along_axis_iid
from .resampling import resample, speed
from .spectrum import griffinlim, inverse_spectrogram, phase_vocoder, spectral_centroid, spectrogram
from .trajectories import compute_deltas, sliding_window_cmn

__all__ = [
    "DB_to_amplitude",
    "add_noise",
    "amplitude_to_DB",
    "compute_deltas",
    "convolve",
    "create_dct",
    "edit_distance",
    "fftconvolve",
    "gain",
    "griffinlim",
    "inverse_spectrogram",
    "linear_fbanks",
    "mask_along_axis",
    "mask_along_axis_iid",
    "melscale_fbanks",
    "mu_law_decoding",
    "mu_law_encoding",
    "phase_vocoder",
    "preemphasis",
    "resample",
    "sliding_window_cmn",
    "spectral_centroid",
    "spectrogram",
    "speed",
]
