"""A small residual network for single characters, shipped with its weights."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import partial
from typing import Any

from taeda import Tensor, flatten, nn

from ..transforms._presets import GlyphClassification
from ._api import Weights, WeightsEnum, register_model
from ._loading import WeightsSource, build_with_weights
from .resnet import BasicBlock, conv1x1, conv3x3, init_residual_network

__all__ = ["GlyphResNet", "GlyphResNet_Weights", "glyph_resnet"]

GLYPHS: tuple[str, ...] = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)


class GlyphResNet(nn.Module):
    """3x3 stem, three stages of ``BasicBlock`` (each halves the size), global average, linear classifier.

    Args:
        num_classes: width of the classifier ``fc``; 62 for digits, capitals and small letters.
        widths: channels of the three stages.
        blocks: number of residual blocks in each stage.

    Shapes: input ``(N, 1, H, W)`` float, H and W at least 8 (made for 32); output ``(N, num_classes)``.

    Example:
        >>> import taeda
        >>> tuple(GlyphResNet(num_classes=10).eval()(taeda.zeros(2, 1, 32, 32)).shape)
        (2, 10)
    """

    def __init__(
        self,
        num_classes: int = len(GLYPHS),
        widths: Sequence[int] = (32, 64, 128),
        blocks: Sequence[int] = (1, 1, 1),
    ) -> None:
        super().__init__()
        if len(widths) != 3 or len(blocks) != 3:
            raise ValueError(
                f"GlyphResNet: expected 3 widths and 3 block counts, got widths={widths!r}, blocks={blocks!r}"
            )
        self.conv1 = conv3x3(1, widths[0])
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = _stage(widths[0], widths[0], blocks[0])
        self.layer2 = _stage(widths[0], widths[1], blocks[1])
        self.layer3 = _stage(widths[1], widths[2], blocks[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(widths[2], num_classes)
        init_residual_network(self, zero_init_residual=False)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores ``(N, num_classes)`` of grey images ``(N, 1, H, W)``."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        scores: Tensor = self.fc(flatten(self.avgpool(x), 1))
        return scores


def _stage(inplanes: int, planes: int, blocks: int) -> nn.Sequential:
    shortcut = nn.Sequential(conv1x1(inplanes, planes, stride=2), nn.BatchNorm2d(planes))
    first = BasicBlock(inplanes, planes, stride=2, downsample=shortcut)
    return nn.Sequential(first, *(BasicBlock(planes, planes) for _ in range(1, blocks)))


class GlyphResNet_Weights(WeightsEnum):
    """Weights shipped inside this package; the recipe that made them is ``vision/recipes/glyphs``."""

    GLYPHS_V1 = Weights(
        url="package:glyphs_v1.safetensors",
        transforms=partial(GlyphClassification, size=32),
        meta={
            "num_classes": len(GLYPHS),
            "num_params": 315870,
            "min_size": (8, 8),
            "categories": list(GLYPHS),
            "recipe": "vision/recipes/glyphs",
            "_metrics": {"glyphs-unseen-fonts": {"acc@1": 80.81, "acc@1-ignoring-case": 87.16}},
        },
    )
    DEFAULT = GLYPHS_V1


@register_model(GlyphResNet_Weights)
def glyph_resnet(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> GlyphResNet:
    """Compact ResNet for 32x32 grey pictures of single letters and digits.

    Args:
        weights: ``GlyphResNet_Weights.GLYPHS_V1`` (shipped, no download), its name, a local file or folder.
        progress: unused here, kept for the common signature.
        **kwargs: passed to ``GlyphResNet``.

    Example:
        >>> glyph_resnet(num_classes=10).fc.out_features
        10
    """
    return build_with_weights("glyph_resnet", GlyphResNet, GlyphResNet_Weights, weights, progress, kwargs)
