"""Residual networks against torchvision 0.28, with torchvision's own weights in our models."""

import numpy as np
import pytest

import taeda
from taeda_vision import models, ops, utils
from taeda_vision.models.resnet import BasicBlock, Bottleneck

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torchvision.models")
torchvision = pytest.importorskip("torchvision")


def randomised(model):
    """The model with running statistics and norms that are not ones and zeros."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if "running" in name:
                buffer.copy_(torch.rand(buffer.shape, generator=generator) * 0.5 + 0.5)
    return model


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnext50_32x4d"])
def test_same_scores_from_a_pth_file(name, tmp_path):
    torch.manual_seed(0)
    reference = randomised(getattr(theirs, name)(num_classes=7)).eval()
    torch.save(reference.state_dict(), tmp_path / "w.pth")
    model = models.get_model(name, weights=str(tmp_path / "w.pth")).eval()
    assert list(model.state_dict()) == list(reference.state_dict())
    images = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    with taeda.no_grad(), torch.no_grad():
        ours, expected = model(taeda.from_numpy(images)).numpy(), reference(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("block", ["BasicBlock", "Bottleneck"])
def test_same_gradients(block, tmp_path):
    torch.manual_seed(1)
    reference = theirs.ResNet(getattr(theirs.resnet, block), [1, 1, 1, 1], num_classes=5)
    own = models.ResNet(
        {"BasicBlock": BasicBlock, "Bottleneck": Bottleneck}[block], [1, 1, 1, 1], num_classes=5
    )
    torch.save(reference.state_dict(), tmp_path / "w.pth")
    own.load_state_dict(taeda.load(str(tmp_path / "w.pth")))
    images = np.random.default_rng(0).standard_normal((4, 3, 64, 64)).astype(np.float32)
    for module, tensor in ((reference, torch.from_numpy(images)), (own, taeda.from_numpy(images))):
        (module(tensor) ** 2).sum().backward()
    for (name, expected), parameter in zip(reference.named_parameters(), own.parameters(), strict=True):
        scale = float(expected.grad.abs().max())
        assert np.abs(parameter.grad.numpy() - expected.grad.numpy()).max() <= 2e-3 * scale, name


@pytest.mark.parametrize("name", [name for name in models.list_models() if name != "glyph_resnet"])
def test_weights_tell_the_same(name):
    expected = {member.name: member for member in theirs.get_model_weights(name)}
    own = {member.name: member for member in models.get_model_weights(name)}
    assert set(own) == set(expected)
    for key, member in own.items():
        assert member.url == expected[key].url
        assert (member is models.get_model_weights(name).DEFAULT) == (
            expected[key] is theirs.get_model_weights(name).DEFAULT
        )
        for fact in ("num_params", "min_size", "_metrics", "_ops"):
            assert member.meta[fact] == expected[key].meta[fact]


@pytest.mark.parametrize("name", ["ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V2"])
def test_presets_prepare_the_same(name):
    image = np.random.default_rng(0).integers(0, 256, (3, 281, 300), dtype=np.uint8)
    ours = models.get_weight(name).transforms()(taeda.from_numpy(image)).numpy()
    expected = theirs.get_weight(name).transforms()(torch.from_numpy(image)).numpy()
    assert ours.shape == expected.shape
    assert (np.abs(ours - expected) > 1e-4).mean() < 0.005


def test_boxes():
    rng = np.random.default_rng(0)
    corners = rng.random((40, 2)) * 50
    boxes = np.concatenate([corners, corners + rng.random((40, 2)) * 40 + 1], axis=1).astype(np.float32)
    scores, groups = rng.random(40).astype(np.float32), rng.integers(0, 3, 40)
    for name in ("box_iou", "generalized_box_iou"):
        ours = getattr(ops, name)(taeda.from_numpy(boxes), taeda.from_numpy(boxes[:7])).numpy()
        expected = getattr(torchvision.ops, name)(
            torch.from_numpy(boxes), torch.from_numpy(boxes[:7])
        ).numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    for threshold in (0.1, 0.5):
        ours = ops.nms(taeda.from_numpy(boxes), taeda.from_numpy(scores), threshold)
        expected = torchvision.ops.nms(torch.from_numpy(boxes), torch.from_numpy(scores), threshold)
        assert ours.tolist() == expected.tolist()
    ours = ops.batched_nms(*map(taeda.from_numpy, (boxes, scores, groups)), 0.2)
    assert (
        ours.tolist()
        == torchvision.ops.batched_nms(*map(torch.from_numpy, (boxes, scores, groups)), 0.2).tolist()
    )


@pytest.mark.parametrize(
    "options", [{}, {"nrow": 3, "padding": 1, "pad_value": 0.5}, {"normalize": True, "scale_each": True}]
)
def test_grids(options):
    images = np.random.default_rng(0).standard_normal((7, 3, 6, 5)).astype(np.float32)
    ours = utils.make_grid(taeda.from_numpy(images), **options).numpy()
    expected = torchvision.utils.make_grid(torch.from_numpy(images), **options).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-6)
