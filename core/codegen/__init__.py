"""Writes C++ and type stubs from the operator catalogue, at build time."""
