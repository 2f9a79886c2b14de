import sys

import numpy as np
import pytest
from PIL import Image

from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import TransformStep
from taeda_serve.preprocessing import TRANSFORMS, Pipeline, describe, parse_steps
from taeda_vision import transforms
from taeda_vision.transforms._presets import GlyphClassification, ImageClassification


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    ramp = np.linspace(0, 255, width * height * 3).reshape(height, width, 3)
    return Image.fromarray(ramp.astype(np.uint8))


def steps(*pairs: tuple[str, dict[str, object]]) -> tuple[TransformStep, ...]:
    return tuple(TransformStep(name, args) for name, args in pairs)


def test_every_listed_transform_exists_and_takes_the_listed_arguments():
    for name, arguments in TRANSFORMS.items():
        code = getattr(transforms, name).__init__.__code__ if arguments else None
        assert code is None or set(arguments) <= set(code.co_varnames), name


def test_values_follow_the_definition():
    pixels = np.asarray(gradient())
    pipeline = Pipeline(
        steps(("ToTensor", {}), ("Normalize", {"mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.5]}))
    )
    expected = (pixels.transpose(2, 0, 1) / 255 - np.array([0.5, 0.4, 0.3])[:, None, None]) / np.array(
        [0.1, 0.2, 0.5]
    )[:, None, None]
    np.testing.assert_allclose(pipeline(gradient()).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_names_of_interpolations_and_dtypes_are_understood():
    pipeline = Pipeline(
        steps(
            ("Resize", {"size": [4, 6], "interpolation": "nearest"}),
            ("PILToTensor", {}),
            ("ConvertImageDtype", {"dtype": "float64"}),
        )
    )
    row = pipeline(gradient())
    assert (tuple(row.shape), str(row.dtype).rpartition(".")[2]) == ((3, 4, 6), "float64")


@pytest.mark.parametrize(
    "preset", [ImageClassification(crop_size=24, resize_size=28), GlyphClassification(size=16)]
)
def test_presets_are_written_down_without_changing_a_value(preset):
    written = describe(preset)
    np.testing.assert_array_equal(Pipeline(written)(gradient()).numpy(), preset(gradient()).numpy())
    assert parse_steps([{"name": step.name, "args": step.args} for step in written]) == written


def test_a_compose_is_written_down():
    live = transforms.Compose(
        [
            transforms.Grayscale(),
            transforms.Resize((8, 8)),
            transforms.ToTensor(),
            transforms.Normalize([0.5], [0.5]),
        ]
    )
    written = describe(live)
    assert [step.name for step in written] == ["Grayscale", "Resize", "ToTensor", "Normalize"]
    np.testing.assert_array_equal(Pipeline(written)(gradient()).numpy(), live(gradient()).numpy())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ToTensor", "preprocessing: expected a list of transforms, got 'ToTensor'"),
        ([{"resize": {"size": 3}}], r'preprocessing\[0\]: expected \{"name": ..., "args": \{...\}\}, got'),
        (
            [{"name": "ToTensor"}, {"name": "eval", "args": {}}],
            r"preprocessing\[1\]: expected one of .*, got 'eval'",
        ),
        (
            [{"name": "RandomCrop", "args": {"size": 3}}],
            "'RandomCrop'; use transforms of this list; random ones",
        ),
        (
            [{"name": "Resize", "args": {"sise": 3}}],
            "expected size, .* got the argument 'sise'; remove or rename",
        ),
        ([{"name": "ToTensor", "args": {"x": 3}}], "expected no arguments, got the argument 'x'"),
        ([{"name": "ToTensor", "args": [1]}], "expected args as an object"),
    ],
)
def test_wrong_lists(value, text):
    with pytest.raises(ArchiveError, match=text):
        parse_steps(value)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (
            ("Resize", {"size": [4, 4], "interpolation": "cubic-ish"}),
            "Resize: expected valid arguments, .*cubic-ish",
        ),
        (("ConvertImageDtype", {"dtype": "float31"}), "'float31' is no dtype; write for example 'float32'"),
        (("ConvertImageDtype", {"dtype": "nn"}), "'nn' is no dtype"),
        (("Resize", {}), r"preprocessing\[0\] Resize: expected valid arguments"),
    ],
)
def test_wrong_arguments(step, text):
    with pytest.raises(ArchiveError, match=text):
        Pipeline(steps(step))


def test_random_transforms_cannot_be_written_down():
    with pytest.raises(ArchiveError, match="RandomHorizontalFlip"):
        describe(transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()]))


def test_a_pipeline_must_end_in_a_tensor():
    with pytest.raises(
        ArchiveError, match="expected a last step that gives a tensor, got a Image after Grayscale"
    ):
        Pipeline(steps(("Grayscale", {})))(gradient())


def test_without_the_vision_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "taeda_vision.transforms", None)
    with pytest.raises(ArchiveError, match=r"pip install 'taeda-serve\[vision\]'"):
        Pipeline(steps(("ToTensor", {})))
    assert Pipeline(()).steps == ()
