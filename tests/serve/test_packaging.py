import io

import pytest
import tiny_models
from PIL import Image

import taeda
import taeda_serve
from taeda_serve.errors import ArchiveError
from taeda_vision.models import glyph_resnet
from taeda_vision.transforms._presets import GlyphClassification

from .conftest import TRUST, encode, package_colour, package_double


def test_a_vision_model_needs_no_trust_and_takes_its_preset(tmp_path):
    model = glyph_resnet(num_classes=4, widths=[4, 4, 8]).eval()
    path = tmp_path / "glyphs.taeda"
    manifest = taeda_serve.package(
        model,
        path,
        name="glyphs",
        architecture="taeda_vision.models:glyph_resnet",
        arguments={"num_classes": 4, "widths": [4, 4, 8]},
        preprocessing=GlyphClassification(size=16),
        labels=list("abcd"),
    )
    assert manifest.inputs[0].shape == (-1, 1, 16, 16)
    image = encode((10, 200, 30))
    loaded = taeda_serve.load_archive(path)
    with taeda.no_grad():
        scores = model(GlyphClassification(size=16)(Image.open(io.BytesIO(image))).unsqueeze(0))
    expected = dict(zip("abcd", taeda.softmax(scores, dim=1)[0].tolist()))
    assert loaded.predict(image) == pytest.approx(expected, rel=1e-5)


def test_what_is_written_when_nothing_is_said(tmp_path):
    manifest = package_double(tmp_path / "d.taeda")
    assert (manifest.activation, manifest.version, manifest.provenance) == ("none", "1", {})
    assert [spec.to_json() for spec in manifest.outputs] == [
        {"name": "output", "datatype": "FP32", "shape": [-1, 8]}
    ]


def test_weights_of_a_wrapping_module_ask_for_their_prefix(tmp_path):
    model = glyph_resnet(num_classes=4, widths=[4, 4, 8])
    wrapped = {f"model.{key}": value for key, value in model.state_dict().items()}
    options = {
        "name": "glyphs",
        "architecture": "taeda_vision.models:glyph_resnet",
        "arguments": {"num_classes": 4, "widths": [4, 4, 8]},
        "preprocessing": GlyphClassification(size=16),
    }
    with pytest.raises(
        ArchiveError, match=r"got 'model\.conv1\.weight' .*; pass prefix='model\.' \(--prefix"
    ):
        taeda_serve.package(wrapped, tmp_path / "glyphs.taeda", **options)
    taeda_serve.package(wrapped, tmp_path / "glyphs.taeda", prefix="model.", **options)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"labels": ["a", "b"]}, r"labels: expected 3 labels, one per column of the output \[-1, 3\], got 2"),
        ({"labels": ["a", "a", "b"]}, "labels: expected distinct labels, got 'a' twice"),
        ({"arguments": {"num_classes": 5}, "labels": list("abcde")}, "weights: expected the state dict"),
        ({"arguments": {"num_classes": {1}}}, r"arguments\.num_classes: expected a JSON value"),
        ({"arguments": {"classes": 5}}, r"expected arguments of \(num_classes: int = 3\)"),
        (
            {"preprocessing": []},
            "inputs: expected the module's inputs, or preprocessing that makes one, got neither",
        ),
        (
            {"preprocessing": [{"name": "Grayscale", "args": {}}, {"name": "ToTensor", "args": {}}]},
            "expected a forward that takes .* got RuntimeError",
        ),
        ({"name": "a b"}, "name: expected 1 to 64 letters"),
        ({"activation": "relu"}, "activation: expected one of softmax, sigmoid, none"),
        ({"provenance": {"model": print}}, r"provenance\.model: expected a JSON value"),
        ({"trust": ()}, "pass --trust tiny_models:MeanColour"),
        ({"prefix": "model."}, "weights: expected the state dict"),
    ],
)
def test_parts_that_do_not_fit_write_nothing(tmp_path, changes, text):
    with pytest.raises(ArchiveError, match=text):
        package_colour(tmp_path / "x.taeda", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_number_of_outputs(tmp_path):
    with pytest.raises(ArchiveError, match=r"forward: expected 2 output tensors .* got a Tensor with 1"):
        package_double(tmp_path / "x.taeda", outputs=["a", "b"])


def test_a_state_dict_with_a_prefix(tmp_path):
    state = {f"net.{name}": value for name, value in tiny_models.Doubler().state_dict().items()}
    manifest = taeda_serve.package(
        state,
        tmp_path / "x.taeda",
        name="x",
        architecture="tiny_models:Doubler",
        inputs=[taeda_serve.TensorSpec("x", "FP32", (-1, 2))],
        prefix="net.",
        trust=TRUST,
    )
    assert manifest.outputs[0].shape == (-1, 2)
