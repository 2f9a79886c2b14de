"""How threads wait for work: set before the native core loads OpenMP, which reads its settings only then.

An OpenMP thread that waits keeps its core busy, by default for milliseconds after every loop. Where other programs
want the cores, the threads that should work do not get them meanwhile, and a loop of 20 microseconds takes eight
milliseconds. Here they wait that way for some 200 microseconds, which spans the pauses of a busy program, and then
sleep; waking one takes about ten. OMP_WAIT_POLICY and GOMP_SPINCOUNT, where they are set, have the last word.
"""

from __future__ import annotations

import os

__all__: list[str] = []

_NAME, _ROUNDS = "GOMP_SPINCOUNT", "4000"

if _NAME in os.environ or "OMP_WAIT_POLICY" in os.environ:
    from taeda import _C as _C
else:
    os.environ[_NAME] = _ROUNDS
    try:
        from taeda import _C as _C
    finally:
        del os.environ[_NAME]  # other programs that this one starts decide for themselves
