"""A ResNet saved by Hugging Face's Transformers, loaded from its folder."""

import numpy as np
import pytest

import taeda
from taeda_vision.models import ResNet
from taeda_vision.models._loading import read_weights_file
from taeda_vision.models.resnet import BasicBlock, Bottleneck

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("kind", ["basic", "bottleneck"])
def test_same_scores(kind, tmp_path):
    torch.manual_seed(0)
    sizes = [64, 128, 256, 512] if kind == "basic" else [256, 512, 1024, 2048]
    config = transformers.ResNetConfig(hidden_sizes=sizes, depths=[1, 2, 1, 1], layer_type=kind, num_labels=6)
    reference = transformers.ResNetForImageClassification(config).eval()
    reference.save_pretrained(tmp_path)
    own = ResNet(BasicBlock if kind == "basic" else Bottleneck, [1, 2, 1, 1], num_classes=6).eval()
    own.load_state_dict(read_weights_file(tmp_path))
    images = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    with taeda.no_grad(), torch.no_grad():
        expected = reference(torch.from_numpy(images)).logits.numpy()
        np.testing.assert_allclose(own(taeda.from_numpy(images)).numpy(), expected, rtol=1e-3, atol=1e-4)
