"""Boxes: areas, overlap, conversion, suppression. Boxes are ``(N, 4)`` as x1, y1, x2, y2 in pixels."""

from __future__ import annotations

import taeda
from taeda import Tensor

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "generalized_box_iou",
    "nms",
    "remove_small_boxes",
]


def _require_boxes(boxes: Tensor, op: str) -> None:
    if boxes.ndim != 2 or boxes.shape[-1] != 4:
        raise ValueError(f"{op}: expected boxes (N, 4) as x1, y1, x2, y2, got shape {tuple(boxes.shape)}")


def box_area(boxes: Tensor) -> Tensor:
    """Areas ``(N,)``.

    Example:
        >>> box_area(taeda.tensor([[0.0, 0.0, 2.0, 3.0]])).tolist()
        [6.0]
    """
    _require_boxes(boxes, "box_area")
    boxes = _wide(boxes)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _wide(boxes: Tensor) -> Tensor:
    """A type in which areas do not overflow or lose too much."""
    if boxes.is_floating_point():
        return boxes if boxes.dtype in (taeda.float32, taeda.float64) else boxes.float()
    return boxes if boxes.dtype in (taeda.int32, taeda.int64) else boxes.int()


def _intersection_and_union(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    low = taeda.maximum(boxes1[:, None, :2], boxes2[:, :2])
    high = taeda.minimum(boxes1[:, None, 2:], boxes2[:, 2:])
    sides = _wide(high - low).clamp(min=0)
    intersection = sides[..., 0] * sides[..., 1]
    return intersection, box_area(boxes1)[:, None] + box_area(boxes2) - intersection


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of every pair: ``(N, 4)`` and ``(M, 4)`` to ``(N, M)``.

    Example:
        >>> first = taeda.tensor([[0.0, 0.0, 2.0, 2.0]])
        >>> box_iou(first, taeda.tensor([[0.0, 0.0, 1.0, 2.0]])).tolist()
        [[0.5]]
    """
    _require_boxes(boxes1, "box_iou")
    _require_boxes(boxes2, "box_iou")
    intersection, union = _intersection_and_union(boxes1, boxes2)
    return intersection / union


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """GIoU of every pair (Rezatofighi et al. 2019): IoU minus the empty share of the box around both."""
    _require_boxes(boxes1, "generalized_box_iou")
    _require_boxes(boxes2, "generalized_box_iou")
    intersection, union = _intersection_and_union(boxes1, boxes2)
    low = taeda.minimum(boxes1[:, None, :2], boxes2[:, :2])
    high = taeda.maximum(boxes1[:, None, 2:], boxes2[:, 2:])
    sides = _wide(high - low).clamp(min=0)
    around = sides[..., 0] * sides[..., 1]
    return intersection / union - (around - union) / around


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Between "xyxy", "xywh" (top left and size) and "cxcywh" (centre and size), ``(..., 4)``.

    Raises:
        ValueError: unknown format.
    """
    formats = ("xyxy", "xywh", "cxcywh")
    if in_fmt not in formats or out_fmt not in formats:
        raise ValueError(
            f"box_convert: formats should be among {', '.join(formats)}, got {in_fmt!r} to {out_fmt!r}"
        )
    if in_fmt == out_fmt:
        return boxes.clone()
    a, b, c, d = boxes.unbind(-1)
    if in_fmt == "cxcywh":
        a, b, c, d = a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d
    elif in_fmt == "xywh":
        c, d = a + c, b + d
    if out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    elif out_fmt == "xywh":
        c, d = c - a, d - b
    return taeda.stack((a, b, c, d), dim=-1)


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes ``(..., 4)`` cut at an image of (height, width)."""
    height, width = size
    x, y = boxes[..., 0::2].clamp(min=0, max=width), boxes[..., 1::2].clamp(min=0, max=height)
    return taeda.stack((x, y), dim=-1).reshape(boxes.shape)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Indices of the boxes whose sides are both at least ``min_size``."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return taeda.nonzero((width >= min_size) & (height >= min_size)).reshape(-1)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes kept by greedy suppression, best score first.

    A box goes when its IoU with a kept box of a higher score is greater than ``iou_threshold``.

    Args:
        boxes: ``(N, 4)``.
        scores: ``(N,)``.
        iou_threshold: 0..1.

    Raises:
        ValueError: boxes and scores of different lengths.

    Example:
        >>> boxes = taeda.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.9], [9.0, 9.0, 12.0, 12.0]])
        >>> nms(boxes, taeda.tensor([0.8, 0.9, 0.3]), 0.5).tolist()
        [1, 2]
    """
    _require_boxes(boxes, "nms")
    if scores.ndim != 1 or scores.shape[0] != boxes.shape[0]:
        raise ValueError(
            f"nms: expected one score a box, got scores {tuple(scores.shape)} and boxes {tuple(boxes.shape)}"
        )
    order = taeda.argsort(scores, descending=True, stable=True)
    ranked = boxes[order]
    suppresses = (box_iou(ranked, ranked) > iou_threshold).numpy()
    is_alive = [True] * len(suppresses)
    kept = []
    for rank in range(len(suppresses)):
        if not is_alive[rank]:
            continue
        kept.append(rank)
        for other in suppresses[rank].nonzero()[0].tolist():
            is_alive[other] = is_alive[other] and other <= rank
    return order[taeda.tensor(kept, dtype=taeda.int64)]


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """``nms`` within each group of equal ``idxs`` ``(N,)``."""
    if boxes.numel() == 0:
        return taeda.empty((0,), dtype=taeda.int64)
    shift = idxs.to(boxes.dtype) * (boxes.max() + 1)
    return nms(boxes + shift[:, None], scores, iou_threshold)
