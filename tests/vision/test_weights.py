"""Weights: names, files, folders, errors."""

import json
import os
import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file

import taeda
from taeda_vision import models
from taeda_vision.models import (
    GlyphResNet,
    GlyphResNet_Weights,
    ResNet18_Weights,
    ResNet50_Weights,
    WeightsEnum,
    glyph_resnet,
    replace_classifier,
    resnet18,
)


def arrays_of(model):
    return {key: value.numpy().copy() for key, value in model.state_dict().items()}


@pytest.fixture
def small():
    taeda.manual_seed(5)
    return GlyphResNet(num_classes=4)


def test_members_describe_themselves():
    member = ResNet50_Weights.IMAGENET1K_V2
    assert member is ResNet50_Weights.DEFAULT
    assert member is not ResNet50_Weights.IMAGENET1K_V1
    assert member.url == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    assert member.meta["num_classes"] == 1000
    preset = member.transforms()
    assert (preset.resize_size, preset.crop_size) == ([232], [224])
    assert tuple(preset(taeda.zeros(3, 300, 250, dtype=taeda.uint8)).shape) == (3, 224, 224)
    assert repr(member) == "ResNet50_Weights.IMAGENET1K_V2"


def test_registry():
    assert models.list_models(include="resnet*") == [
        "resnet101",
        "resnet152",
        "resnet18",
        "resnet34",
        "resnet50",
    ]
    assert models.list_models(models, include=["*50*"], exclude="wide*") == ["resnet50", "resnext50_32x4d"]
    assert models.get_weight("ResNet18_Weights.DEFAULT") is ResNet18_Weights.IMAGENET1K_V1
    assert models.get_model_weights(resnet18) is ResNet18_Weights
    assert models.get_model_builder("ResNet18") is resnet18
    assert set(models.list_models()) == {name for name in models.__all__ if name == name.lower()} - {
        "get_model",
        "get_model_builder",
        "get_model_weights",
        "get_weight",
        "list_models",
        "register_model",
        "replace_classifier",
    }


def test_register_model_takes_own_models():
    @models.register_model(name="test_only_tiny")
    def build(**config):
        return GlyphResNet(widths=(4, 4, 4), **config)

    assert models.get_model("test_only_tiny", num_classes=3).fc.out_features == 3
    with pytest.raises(ValueError, match="'test_only_tiny' is already registered"):
        models.register_model(name="test_only_tiny")(build)
    with pytest.raises(ValueError, match="no published weights"):
        models.get_model_weights("test_only_tiny")
    models._api._BUILDERS.pop("test_only_tiny")


@pytest.mark.parametrize(
    "weights", ["GLYPHS_V1", "DEFAULT", "GlyphResNet_Weights.GLYPHS_V1", GlyphResNet_Weights.DEFAULT]
)
def test_shipped_weights_by_every_name(weights):
    model = glyph_resnet(weights=weights)
    assert model.fc.out_features == 62
    assert float(model.bn1.running_var.min()) != 1.0


@pytest.mark.parametrize("kind", ["safetensors", "pth", "folder"])
def test_local_files(kind, small, tmp_path):
    if kind == "pth":
        path = tmp_path / "model.pth"
        taeda.save(small.state_dict(), str(path))
    else:
        path = tmp_path / "model.safetensors"
        save_file(arrays_of(small), str(path))
    model = glyph_resnet(weights=tmp_path if kind == "folder" else str(path))
    assert model.fc.out_features == 4
    for key, value in arrays_of(model).items():
        assert np.array_equal(value, arrays_of(small)[key]), key


def test_checkpoint_with_a_state_dict_inside(small, tmp_path):
    taeda.save({"epoch": 3, "state_dict": small.state_dict()}, str(tmp_path / "c.pth"))
    model = glyph_resnet(weights=tmp_path / "c.pth")
    assert taeda.equal(model.fc.weight, small.fc.weight)


def test_half_precision_comes_back_as_float32(small, tmp_path):
    halves = {
        key: value.astype(np.float16) for key, value in arrays_of(small).items() if "tracked" not in key
    }
    save_file(halves, str(tmp_path / "half.safetensors"))
    model = glyph_resnet(weights=tmp_path / "half.safetensors")
    assert model.fc.weight.dtype == taeda.float32
    assert np.array_equal(model.fc.weight.detach().numpy(), halves["fc.weight"].astype(np.float32))
    assert int(model.bn1.num_batches_tracked) == 0


def test_transformers_folder(tmp_path):
    taeda.manual_seed(0)
    own = resnet18(num_classes=3)
    renamed = {}
    for key, value in arrays_of(own).items():
        parts = key.split(".")
        if parts[0] == "fc":
            name = f"classifier.1.{parts[1]}"
        elif parts[0] in ("conv1", "bn1"):
            kind = "convolution" if parts[0] == "conv1" else "normalization"
            name = f"resnet.embedder.embedder.{kind}.{parts[1]}"
        else:
            block = f"resnet.encoder.stages.{int(parts[0][5:]) - 1}.layers.{parts[1]}"
            if parts[2] == "downsample":
                kind = "convolution" if parts[3] == "0" else "normalization"
                name = f"{block}.shortcut.{kind}.{parts[4]}"
            else:
                kind = "convolution" if parts[2].startswith("conv") else "normalization"
                name = f"{block}.layer.{int(parts[2][-1]) - 1}.{kind}.{parts[3]}"
        renamed[name] = value
    save_file(renamed, str(tmp_path / "model.safetensors"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "resnet"}))
    loaded = arrays_of(resnet18(weights=tmp_path))
    assert all(np.array_equal(loaded[key], value) for key, value in arrays_of(own).items())


def test_keys_that_do_not_fit_are_named(small, tmp_path):
    state = arrays_of(small)
    state["head.weight"] = state.pop("fc.weight")
    state["conv1.weight"] = state["conv1.weight"][:, :, :1]
    path = tmp_path / "other.safetensors"
    save_file({key: np.array(value, order="C") for key, value in state.items()}, str(path))
    with pytest.raises(RuntimeError) as caught:
        glyph_resnet(weights=path, num_classes=4)
    assert str(caught.value) == (
        f"glyph_resnet: weights '{path}' do not fit GlyphResNet: 1 missing keys: fc.weight; "
        "1 unexpected keys: head.weight; 1 keys of another shape: conv1.weight is (32, 1, 1, 3), "
        "the model has (32, 1, 3, 3); check that the file was saved from this architecture"
    )


def test_another_number_of_classes_says_what_to_do():
    with pytest.raises(
        ValueError, match=r"have 62 classes, got num_classes=10; .*replace_classifier\(model, 10\)"
    ):
        glyph_resnet(weights="GLYPHS_V1", num_classes=10)


def test_replace_classifier():
    model = replace_classifier(glyph_resnet(weights="DEFAULT"), 10)
    assert tuple(model(taeda.zeros(2, 1, 32, 32)).shape) == (2, 10)
    with pytest.raises(AttributeError, match="no linear layer named 'fc'"):
        replace_classifier(taeda.nn.ReLU(), 3)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: resnet18(weights="IMAGENET1K_V9"),
            ValueError,
            "unknown weights 'IMAGENET1K_V9'; valid names: IMAGENET1K_V1, DEFAULT",
        ),
        (lambda: resnet18(weights="missing/w.pth"), FileNotFoundError, "'missing/w.pth' does not exist"),
        (
            lambda: resnet18(weights=GlyphResNet_Weights.DEFAULT),
            TypeError,
            "ResNet18_Weights: expected a member",
        ),
        (lambda: resnet18(weights=3), TypeError, "got int 3"),
        (lambda: models.get_weight("ResNet18_Weights"), ValueError, "expected 'EnumName.MEMBER'"),
        (lambda: models.get_weight("Resnet_Weights.DEFAULT"), ValueError, "known: .*ResNet18_Weights"),
        (lambda: models.get_weight("ResNet18_Weights.V7"), ValueError, "no weights named 'V7'"),
        (lambda: models.get_model("resnet19"), ValueError, "Unknown model 'resnet19'; did you mean 'resnet1"),
        (lambda: GlyphResNet(widths=(8, 8)), ValueError, r"expected 3 widths.*\(8, 8\)"),
    ],
)
def test_errors_say_what_was_passed(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_pretrained_is_called_weights():
    with pytest.raises(
        TypeError, match=r"resnet18: there is no argument 'pretrained'; pass weights='DEFAULT'"
    ):
        resnet18(pretrained=True)


def test_folder_without_weights(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(
        FileNotFoundError,
        match=r"expected model.safetensors or pytorch_model.bin in it, found \['notes.txt'\]",
    ):
        resnet18(weights=tmp_path)


def test_file_without_a_state_dict(tmp_path):
    taeda.save([1, 2], str(tmp_path / "list.pth"))
    with pytest.raises(ValueError, match=r"expected a state dict \(names to tensors\), got list"):
        resnet18(weights=tmp_path / "list.pth")


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth"])
@pytest.mark.parametrize("kept", [0, 5, 3000])
def test_truncated_files_are_named(small, tmp_path, name, kept):
    path = tmp_path / name
    if name.endswith(".pth"):
        taeda.save(small.state_dict(), str(path))
    else:
        save_file(arrays_of(small), str(path))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RuntimeError, match=rf"weights file '.*{name}' \({kept} bytes\) cannot be read: ."):
        glyph_resnet(weights=path)


class _Hostile:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def test_hostile_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(pickle.dumps({"fc.weight": _Hostile()}, protocol=2))
    with pytest.raises(RuntimeError, match=r"bad.pth' .* cannot be read: ."):
        glyph_resnet(weights=tmp_path / "bad.pth")
    assert not (tmp_path / "hacked").exists()


def test_published_weights_go_through_the_hub(monkeypatch):
    asked = []

    def load(url, **options):
        asked.append((url, options["check_hash"]))
        return resnet18().state_dict()

    monkeypatch.setattr(taeda.hub, "load_state_dict_from_url", load)
    resnet18(weights="IMAGENET1K_V1")
    assert asked == [(ResNet18_Weights.DEFAULT.url, True)]


def test_verify_accepts_none():
    assert ResNet18_Weights.verify(None) is None
    assert issubclass(ResNet18_Weights, WeightsEnum)
