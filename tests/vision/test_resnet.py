"""Residual networks: shapes, parameter counts, keys, the residual sum."""

import pytest

import taeda
from taeda import nn
from taeda_vision import models
from taeda_vision.models.resnet import BasicBlock, Bottleneck, ResNet


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"],
)
def test_parameter_counts_are_the_published_ones(name):
    model = models.get_model(name)
    expected = models.get_model_weights(name).DEFAULT.meta["num_params"]
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_keys_are_torchvisions():
    keys = list(models.resnet18(num_classes=3).state_dict())
    assert keys[:6] == [
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
        "bn1.num_batches_tracked",
    ]
    assert keys[-2:] == ["fc.weight", "fc.bias"]
    assert len(keys) == 122
    assert "layer2.0.downsample.1.running_var" in keys
    assert "layer1.0.downsample.0.weight" not in keys


def test_block_adds_its_input():
    block = BasicBlock(4, 4).eval()
    nn.init.zeros_(block.bn2.weight)
    x = taeda.rand(2, 4, 5, 5)
    assert taeda.equal(block(x), x)


def test_bottleneck_strides_in_its_middle():
    down = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2))
    block = Bottleneck(8, 4, stride=2, downsample=down)
    assert tuple(block.conv1.stride) == (1, 1)
    assert tuple(block.conv2.stride) == (2, 2)
    assert tuple(block.eval()(taeda.zeros(1, 8, 6, 6)).shape) == (1, 16, 3, 3)


def test_dilation_keeps_resolution():
    model = ResNet(Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True]).eval()
    x = model.layer1(model.maxpool(model.conv1(taeda.zeros(1, 3, 64, 64))))
    assert tuple(model.layer4(model.layer3(model.layer2(x))).shape) == (1, 2048, 8, 8)


def test_zero_init_makes_blocks_the_identity():
    model = ResNet(BasicBlock, [1, 1, 1, 1], zero_init_residual=True)
    assert float(model.layer3[0].bn2.weight.detach().abs().sum()) == 0
    assert float(model.layer3[0].bn1.weight.detach().sum()) == 256


def test_training_step_lowers_the_loss():
    taeda.manual_seed(0)
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2)
    images, labels = taeda.randn(4, 3, 32, 32), taeda.tensor([0, 1, 0, 1])
    losses = []
    for _ in range(4):
        loss = nn.functional.cross_entropy(model(images), labels)
        model.zero_grad()
        loss.backward()
        with taeda.no_grad():
            for parameter in model.parameters():
                parameter -= 0.01 * parameter.grad
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_features_feed_the_classifier():
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=4).eval()
    x = taeda.randn(2, 3, 33, 40)
    features = model.forward_features(x)
    assert tuple(features.shape) == (2, 512)
    expected = features @ model.fc.weight.T + model.fc.bias
    assert taeda.allclose(model(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: BasicBlock(4, 4, groups=2), ValueError, "groups=1 and base_width=64 only, got groups=2"),
        (lambda: BasicBlock(4, 4, dilation=2), NotImplementedError, "dilation must be 1, got 2"),
        (lambda: ResNet(BasicBlock, [1] * 4, replace_stride_with_dilation=[True]), ValueError, "3 booleans"),
    ],
)
def test_errors_say_what_was_passed(make, error, text):
    with pytest.raises(error, match=text):
        make()
