"""Sequences of different lengths in one batch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import taeda
from taeda import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class PackedSequence_(NamedTuple):  # noqa: N801
    """The fields of a PackedSequence."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """Sequences without padding: all first steps, then all second ones, and so on; longest sequence first.

    Made by `pack_padded_sequence` and `pack_sequence`.

    Args:
        data: (total steps, ...).
        batch_sizes: number of sequences that have each step, int64 on the CPU.
        sorted_indices: where each sequence was before sorting.
        unsorted_indices: where each sequence is after sorting.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Makes one; see the class."""
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. "
                "They should be instantiated by functions like pack_sequence and pack_padded_sequences "
                "in nn.utils.rnn"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on another device or with another dtype; arguments as in `Tensor.to`."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        indices = [
            None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *indices)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on the CPU."""
        return self.to("cpu", *args, **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on a CUDA device."""
        return self.to("cuda", *args, **kwargs)

    def pin_memory(self) -> PackedSequence:
        """The same in page-locked memory."""
        indices = [
            None if i is None else i.pin_memory() for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(self.data.pin_memory(), self.batch_sizes, *indices)

    def float(self) -> PackedSequence:
        """The same as float32."""
        return self.to(taeda.float32)

    def double(self) -> PackedSequence:
        """The same as float64."""
        return self.to(taeda.float64)

    def half(self) -> PackedSequence:
        """The same as float16."""
        return self.to(taeda.float16)

    def long(self) -> PackedSequence:
        """The same as int64."""
        return self.to(taeda.int64)

    def int(self) -> PackedSequence:
        """The same as int32."""
        return self.to(taeda.int32)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in page-locked memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes a permutation."""
    if permutation is None:
        return None
    places = taeda.arange(permutation.numel(), dtype=permutation.dtype, device=permutation.device)
    return taeda.empty_like(permutation).scatter_(0, permutation, places)


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Leaves out the padding of a batch of sequences.

    Args:
        input: (T, N, ...), or with batch_first (N, T, ...).
        lengths: number of steps of each sequence, from 1 to T.
        batch_first: whether the batch is the first dimension.
        enforce_sorted: whether the lengths have to be decreasing; otherwise the sequences are sorted.

    Raises:
        RuntimeError: lengths do not decrease and `enforce_sorted` is set, are not positive, or do not fit
            the input.
    """
    if not isinstance(lengths, Tensor):
        lengths = taeda.tensor(list(lengths), dtype=taeda.int64)
    lengths = lengths.to("cpu", taeda.int64)
    indices = None
    if not enforce_sorted:
        lengths, order = taeda.sort(lengths, descending=True)
        indices = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, indices)
    steps = input.transpose(0, 1) if batch_first else input
    counts = [int(n) for n in lengths.tolist()]
    if len(counts) != steps.size(1):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} "
            f"(batch_size={steps.size(1)})"
        )
    if not counts or counts[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(a < b for a, b in itertools.pairwise(counts)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if you "
            "do not need ONNX exportability."
        )
    if counts[0] > steps.size(0):
        raise RuntimeError(
            f"pack_padded_sequence: lengths has {counts[0]}, but the input has {steps.size(0)} steps"
        )
    sizes = [sum(n > t for n in counts) for t in range(counts[0])]
    if len(set(sizes)) == 1:
        data = steps[: counts[0]].reshape(counts[0] * sizes[0], *steps.shape[2:])
    else:
        data = taeda.cat([steps[t, :count] for t, count in enumerate(sizes)])
    return PackedSequence(data, taeda.tensor(sizes, dtype=taeda.int64), indices, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Undoes `pack_padded_sequence`.

    Args:
        sequence: packed sequences.
        batch_first: whether the batch is the first dimension of the result.
        padding_value: what fills up short sequences.
        total_length: number of steps of the result; None is the longest sequence's.

    Returns:
        (T, N, ...), or with batch_first (N, T, ...), and the lengths (N).

    Raises:
        ValueError: total_length is less than the longest sequence.
    """
    data, batch_sizes, _, unsorted_indices = sequence
    sizes = [int(n) for n in batch_sizes.tolist()]
    longest = len(sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    total = longest if total_length is None else total_length
    rows = []
    for part in data.split(sizes):
        missing = sizes[0] - part.size(0)
        if missing:
            filler = taeda.full(
                (missing, *part.shape[1:]), padding_value, dtype=data.dtype, device=data.device
            )
            part = taeda.cat([part, filler])
        rows.append(part)
    padded = taeda.stack(rows)
    if total > longest:
        shape = (total - longest, *padded.shape[1:])
        padded = taeda.cat([padded, taeda.full(shape, padding_value, dtype=data.dtype, device=data.device)])
    lengths = taeda.tensor([sum(n > i for n in sizes) for i in range(sizes[0])], dtype=taeda.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    if unsorted_indices is not None:
        padded = padded.index_select(0 if batch_first else 1, unsorted_indices)
        lengths = lengths[unsorted_indices.cpu()]
    return padded, lengths


def pad_sequence(
    sequences: Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, ...) of different lengths as one tensor.

    Args:
        sequences: tensors that differ in their first size only.
        batch_first: whether the batch is the first dimension of the result.
        padding_value: what fills up short sequences.
        padding_side: 'right' or 'left'.

    Returns:
        (longest, N, ...), or with batch_first (N, longest, ...).

    Raises:
        RuntimeError: the sequences are no iterable of tensors, there are none, or the side is unknown.

    Example:
        >>> import taeda
        >>> pad_sequence([taeda.ones(2), taeda.ones(1)], batch_first=True).tolist()
        [[1.0, 1.0], [1.0, 0.0]]
    """
    if not isinstance(sequences, (Tensor, list, tuple)):
        try:
            sequences = tuple(sequences)
        except TypeError:
            raise RuntimeError(
                f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
            ) from None
    sequences = sequences.unbind(0) if isinstance(sequences, Tensor) else sequences
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(s.size(0) for s in sequences)
    first = sequences[0]
    shape = (len(sequences), longest, *first.shape[1:])
    if padding_value == 0.0:
        padded = taeda.zeros(shape, dtype=first.dtype, device=first.device)
    else:
        padded = taeda.full(shape, padding_value, dtype=first.dtype, device=first.device)
    for row, sequence in enumerate(sequences):
        length = sequence.size(0)
        if padding_side == "right":
            padded[row, :length] = sequence
        else:
            padded[row, longest - length :] = sequence
    return padded if batch_first else padded.transpose(0, 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Undoes `pad_sequence`, given the lengths (N)."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(padded_sequences.unbind(0), lengths.tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs sequences (L, ...) of different lengths; see `pack_padded_sequence`."""
    lengths = taeda.tensor([s.size(0) for s in sequences], dtype=taeda.int64)
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undoes `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
