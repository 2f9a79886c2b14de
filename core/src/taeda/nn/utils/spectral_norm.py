"""Spectral normalisation by a hook, under the module name of torch."""

from .weight_norm import SpectralNorm, remove_spectral_norm, spectral_norm

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]
