"""Write a model as an archive, and prove it first: the archive's parts must build the model and answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

import taeda
from taeda_serve.architectures import build
from taeda_serve.archive import Archive, parse_labels, write_archive
from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import Architecture, Json, Manifest, TensorSpec, TransformStep, check_json
from taeda_serve.model import ServableModel, output_tensors
from taeda_serve.preprocessing import Pipeline, describe, parse_steps
from taeda_serve.signature import datatype_of, example_rows
from taeda_serve.weights import read_checkpoint, state_to_bytes

__all__ = ["package"]


def package(
    model: taeda.nn.Module | Mapping[str, taeda.Tensor] | str | Path,
    path: str | Path,
    *,
    name: str,
    architecture: str,
    arguments: Mapping[str, Json] | None = None,
    version: str = "1",
    preprocessing: object = (),
    labels: Sequence[str] | None = None,
    inputs: Sequence[TensorSpec] | None = None,
    outputs: Sequence[str] | None = None,
    activation: str | None = None,
    provenance: Mapping[str, Json] | None = None,
    prefix: str = "",
    trust: Collection[str] = (),
) -> Manifest:
    """Write one archive with everything that serving needs, after checking that it works.

    Args:
        model: the trained module, its state dict, or the path of a checkpoint.
        path: where to write; conventionally it ends in `.taeda`.
        name: name to serve under.
        architecture: what builds the module, for example `"taeda_vision.models:resnet18"`.
        arguments: keyword arguments for it; JSON values only.
        version: version to serve under.
        preprocessing: transforms from a decoded RGB image to one input row: a list of
            `{"name": ..., "args": {...}}`, or live `taeda_vision.transforms` objects.
        labels: one name per class.
        inputs: the module's inputs; found by running the preprocessing where there is one.
        outputs: names of the outputs; `probabilities`, or `output` without labels.
        activation: `softmax`, `sigmoid` or `none`; softmax where there are labels.
        provenance: facts to keep, for example `{"accuracy": 0.99, "checkpoint": "best.ckpt"}`.
        prefix: of the wanted keys in a checkpoint, for example `"model."`.
        trust: architecture references outside the allow-list that may be used.

    Returns:
        the manifest as written.

    Raises:
        ArchiveError: if a part is not valid, or the parts do not fit each other.
    """
    path = Path(path)
    steps = _steps(preprocessing)
    design = Architecture(architecture, check_json(dict(arguments or {}), "arguments"))
    labels_checked = parse_labels(list(labels) if labels is not None else None, "labels")
    state = _state(model, prefix)
    module = build(design, trust)
    _check_prefix(state, module, prefix)
    weights = state_to_bytes(state)
    specs = tuple(inputs) if inputs is not None else _image_input(steps)
    draft = Manifest(
        name=name,
        version=version,
        architecture=design,
        preprocessing=steps,
        inputs=specs,
        outputs=tuple(
            TensorSpec(output, "FP32", (-1,))
            for output in outputs or (["probabilities"] if labels else ["output"])
        ),
        activation=activation or ("softmax" if labels else "none"),
        provenance=check_json(dict(provenance or {}), "provenance"),
    )
    draft = Manifest.from_bytes(_with_outputs(draft, module).to_bytes(), "manifest")
    _check_labels(draft, labels_checked)
    ServableModel(Archive(path, draft, labels_checked, weights, ""), trust).warm_up()
    return write_archive(path, draft, labels_checked, weights)


def _steps(preprocessing: object) -> tuple[TransformStep, ...]:
    if callable(preprocessing):
        return describe(preprocessing)
    return parse_steps(preprocessing)


def _state(model: Any, prefix: str) -> Mapping[str, taeda.Tensor]:
    if isinstance(model, taeda.nn.Module):
        state: Mapping[str, taeda.Tensor] = model.state_dict()
    elif isinstance(model, Mapping):
        state = model
    else:
        return read_checkpoint(Path(model), prefix)
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}


def _check_prefix(state: Mapping[str, taeda.Tensor], module: taeda.nn.Module, prefix: str) -> None:
    """Find weights that only need a prefix removed, as those of a module that wraps the architecture."""
    own = module.state_dict().keys()
    first = next(iter(own), "")
    for key in state:
        before = key.removesuffix(first)
        if before and key.endswith(f".{first}") and own <= {name.removeprefix(before) for name in state}:
            raise ArchiveError.about(
                "prefix",
                expected=f"the keys of {type(module).__name__}, such as {first!r}",
                got=f"{key!r} and others with the prefix {prefix + before!r}",
                fix=f"pass prefix={prefix + before!r} (--prefix {prefix + before})",
            )


def _image_input(steps: tuple[TransformStep, ...]) -> tuple[TensorSpec, ...]:
    """Find the input's shape by preprocessing two images of different sizes; what differs is free."""
    if not steps:
        raise ArchiveError.about(
            "inputs",
            expected="the module's inputs, or preprocessing that makes one",
            got="neither",
            fix="pass inputs=[TensorSpec('x', 'FP32', (-1, 8))] (--input x:FP32:-1,8) or preprocessing",
        )
    pipeline = Pipeline(steps)
    one, other = (pipeline(Image.new("RGB", size)) for size in ((61, 97), (128, 48)))
    if one.ndim != other.ndim:
        raise ArchiveError.about(
            "preprocessing",
            expected="rows of one rank",
            got=f"{one.ndim} and {other.ndim}",
            fix="fix the transforms",
        )
    shape = [a if a == b else -1 for a, b in zip(one.shape, other.shape, strict=True)]
    return (TensorSpec("image", datatype_of(one.numpy().dtype), (-1, *map(int, shape))),)


def _with_outputs(draft: Manifest, module: taeda.nn.Module) -> Manifest:
    """Fill in the outputs' datatypes and shapes from one run with fresh weights."""
    Manifest.from_bytes(draft.to_bytes(), "manifest")
    rows = [taeda.from_numpy(row) for row in example_rows(draft).values()]
    try:
        with taeda.inference_mode():
            arrays: list[NDArray[Any]] = [tensor.numpy() for tensor in output_tensors(module(*rows), draft)]
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ArchiveError.about(
            f"architecture {draft.architecture.reference!r}",
            expected=f"a forward that takes {[spec.to_json() for spec in draft.inputs]}",
            got=f"{type(error).__name__}: {error}",
            fix="correct the inputs, the preprocessing or the constructor arguments",
        ) from error
    specs = tuple(
        TensorSpec(spec.name, datatype_of(array.dtype), (-1, *array.shape[1:]))
        for spec, array in zip(draft.outputs, arrays, strict=True)
    )
    return Manifest(**{**draft.__dict__, "outputs": specs})


def _check_labels(manifest: Manifest, labels: tuple[str, ...] | None) -> None:
    classes = manifest.outputs[0].shape[-1]
    if labels is not None and len(labels) != classes:
        raise ArchiveError.about(
            "labels",
            expected=f"{classes} labels, one per column of the output {list(manifest.outputs[0].shape)}",
            got=f"{len(labels)}",
            fix="list the classes in the order of training, or set the model's num_classes",
        )
