"""A model out of an archive: the one code path that answers, in-process and in the server's workers alike."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import taeda
from taeda_serve.architectures import build
from taeda_serve.archive import Archive, read_archive
from taeda_serve.errors import ArchiveError, RequestError
from taeda_serve.images import MAX_PIXELS, decode_image
from taeda_serve.manifest import Manifest
from taeda_serve.preprocessing import Pipeline
from taeda_serve.signature import check_row, check_tensors, example_rows
from taeda_serve.weights import state_from_bytes
from taeda_serve.work import Answer, Work, top_classes

__all__ = ["ServableModel", "load_archive", "output_tensors"]


class ServableModel:
    """A module with its preprocessing and labels.

    Args:
        archive: what `read_archive` returned.
        trust: architecture references outside the allow-list that may be used.
        max_pixels: largest accepted width times height of an image.

    Raises:
        ArchiveError: if the architecture is not allowed or the weights do not fit it.
    """

    def __init__(self, archive: Archive, trust: Collection[str] = (), max_pixels: int = MAX_PIXELS) -> None:
        self.manifest: Manifest = archive.manifest
        self.labels = archive.labels
        self._max_pixels = max_pixels
        self._pipeline = Pipeline(self.manifest.preprocessing, f"{archive.path}:preprocessing")
        self._module = build(self.manifest.architecture, trust)
        try:
            self._module.load_state_dict(state_from_bytes(archive.weights, f"{archive.path}:weights"))
        except (RuntimeError, KeyError) as error:
            raise ArchiveError.about(
                f"{archive.path}:weights",
                expected=f"the state dict of {self.manifest.architecture.reference}",
                got=" ".join(str(error).split()),
                fix="package the weights with the architecture and arguments they were trained with",
            ) from None
        self._module.requires_grad_(False)

    def predict(self, image: bytes | str | Path, top: int = 5) -> dict[str, float]:
        """Classify one encoded image, as `POST /predictions/{name}` does.

        Args:
            image: the encoded bytes, or the path of the file.
            top: how many classes to return.

        Returns:
            label to probability, most probable first.
        """
        data = image if isinstance(image, bytes) else Path(image).read_bytes()
        answer = self._answer_one(Work(images=(data,)))
        return top_classes(next(iter(answer.outputs.values()))[0], self.labels, top)

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the module on preprocessed tensors, batch first, as `POST /v2/models/{name}/infer` does."""
        return self._answer_one(Work(tensors=check_tensors(inputs, self.manifest))).outputs

    def run_batch(self, works: Sequence[Work]) -> list[Answer | RequestError]:
        """Answer several requests with as few calls of the module as their shapes allow.

        A request that cannot be answered gets its own error and leaves the others alone.
        """
        results: list[Answer | RequestError | None] = [None] * len(works)
        groups: dict[tuple[tuple[int, ...], ...], list[tuple[int, list[taeda.Tensor], float]]] = {}
        for index, work in enumerate(works):
            start = time.perf_counter()
            try:
                tensors = self._prepare(work)
            except RequestError as error:
                results[index] = error
                continue
            key = tuple(tuple(tensor.shape[1:]) for tensor in tensors)
            groups.setdefault(key, []).append((index, tensors, time.perf_counter() - start))
        for group in groups.values():
            for (index, _, _), result in zip(group, self._run_group(group), strict=True):
                results[index] = result
        return [result for result in results if result is not None]

    def warm_up(self) -> float:
        """Run one example row, so that no request pays for lazy set-up; returns the seconds."""
        start = time.perf_counter()
        self._answer_one(Work(tensors=example_rows(self.manifest)))
        return time.perf_counter() - start

    def _answer_one(self, work: Work) -> Answer:
        (result,) = self.run_batch([work])
        if isinstance(result, RequestError):
            raise result
        return result

    def _prepare(self, work: Work) -> list[taeda.Tensor]:
        if not work.images:
            return [taeda.from_numpy(np.array(work.tensors[spec.name])) for spec in self.manifest.inputs]
        if not self.manifest.takes_images:
            raise RequestError.about(
                415,
                f"model {self.manifest.name!r}",
                expected=f"tensors {[spec.to_json() for spec in self.manifest.inputs]}",
                got="an encoded image",
                fix="POST tensors to /v2/models/NAME/infer, or package the model with preprocessing",
            )
        rows = []
        for index, data in enumerate(work.images):
            where = "image" if len(work.images) == 1 else f"image {index}"
            row = self._preprocess(decode_image(data, where, self._max_pixels), where)
            check_row(tuple(row.shape), self.manifest.inputs[0], where)
            rows.append(row)
        return [taeda.stack(rows)]

    def _preprocess(self, image: Image.Image, where: str) -> taeda.Tensor:
        try:
            return self._pipeline(image)
        except Exception as error:  # transforms raise as they like: report it, keep serving
            raise RequestError.about(
                422,
                where,
                expected=f"an image that {', '.join(step.name for step in self._pipeline.steps)} can take",
                got=f"{image.width} x {image.height} pixels, which fail with {type(error).__name__}: {error}",
                fix="send an image like those of the training",
            ) from error

    def _run_group(
        self, group: Sequence[tuple[int, list[taeda.Tensor], float]]
    ) -> list[Answer | RequestError]:
        inputs = [
            parts[0] if len(parts) == 1 else taeda.cat(list(parts))
            for parts in zip(*(item[1] for item in group))
        ]
        start = time.perf_counter()
        try:
            with taeda.inference_mode():
                outputs = self._forward(inputs)
        except Exception as error:  # a module may raise anything: the worker must live on
            if len(group) > 1:  # one request may have spoilt it for all: ask for each alone
                return [self._run_group([item])[0] for item in group]
            return [
                RequestError(
                    500, f"the model raised {type(error).__name__}: {error}; check the input's values"
                )
            ]
        seconds = time.perf_counter() - start
        results: list[Answer | RequestError] = []
        first, batch_rows = 0, int(inputs[0].shape[0])
        for _, tensors, prepare_seconds in group:
            last = first + int(tensors[0].shape[0])
            part = {name: array[first:last] for name, array in outputs.items()}
            results.append(Answer(part, prepare_seconds, seconds, batch_rows))
            first = last
        return results

    def _forward(self, inputs: Sequence[taeda.Tensor]) -> dict[str, NDArray[Any]]:
        outputs = output_tensors(self._module(*inputs), self.manifest)
        if self.manifest.activation == "softmax":
            outputs[0] = taeda.softmax(outputs[0], dim=-1)
        elif self.manifest.activation == "sigmoid":
            outputs[0] = taeda.sigmoid(outputs[0])
        return {
            spec.name: tensor.numpy() for spec, tensor in zip(self.manifest.outputs, outputs, strict=True)
        }


def output_tensors(result: object, manifest: Manifest) -> list[taeda.Tensor]:
    """Put what a module returned (tensor, tuple, or mapping) in the order of the manifest's outputs."""
    if isinstance(result, taeda.Tensor):
        found: list[object] = [result]
    elif isinstance(result, Mapping):
        found = [result.get(spec.name) for spec in manifest.outputs]
    elif isinstance(result, list | tuple):
        found = list(result[: len(manifest.outputs)])
    else:
        found = [None]
    tensors = [value for value in found if isinstance(value, taeda.Tensor)]
    if len(tensors) != len(manifest.outputs):
        raise TypeError(
            f"forward: expected {len(manifest.outputs)} output tensors "
            f"({[spec.name for spec in manifest.outputs]}), got a {type(result).__name__} with "
            f"{len(tensors)}; package the model with matching outputs"
        )
    return tensors


def load_archive(path: str | Path, trust: Collection[str] = ()) -> ServableModel:
    """Load an archive for prediction in this process.

    Args:
        path: the `.taeda` file.
        trust: architecture references outside the allow-list that may be used.

    Raises:
        FileNotFoundError: if there is no such file.
        ArchiveError: if it is not a valid archive.
    """
    return ServableModel(read_archive(path), trust)
