"""Functions on waveforms and spectrograms, under torchaudio's names."""

from .biquads import (
    allpass_biquad,
    band_biquad,
    bandpass_biquad,
    bandreject_biquad,
    bass_biquad,
    biquad,
    deemph_biquad,
    equalizer_biquad,
    highpass_biquad,
    loudness,
    lowpass_biquad,
    treble_biquad,
)
from .convolution import convolve, fftconvolve
from .edit_distance import edit_distance
from .filterbanks import create_dct, linear_fbanks, melscale_fbanks
from .filtering import deemphasis, filtfilt, lfilter
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
    "allpass_biquad",
    "amplitude_to_DB",
    "band_biquad",
    "bandpass_biquad",
    "bandreject_biquad",
    "bass_biquad",
    "biquad",
    "compute_deltas",
    "convolve",
    "create_dct",
    "deemph_biquad",
    "deemphasis",
    "edit_distance",
    "equalizer_biquad",
    "fftconvolve",
    "filtfilt",
    "gain",
    "griffinlim",
    "highpass_biquad",
    "inverse_spectrogram",
    "lfilter",
    "linear_fbanks",
    "loudness",
    "lowpass_biquad",
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
    "treble_biquad",
]
