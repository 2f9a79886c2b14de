"""Residual networks for images: ResNet, ResNeXt and Wide ResNet.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2015); the bottleneck carries its stride
in the 3x3 convolution ("v1.5"), as the published weights expect. State-dict keys are torchvision's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from taeda import Tensor, flatten, nn

from ..transforms._presets import ImageClassification
from ..transforms.functional import InterpolationMode
from ._api import Weights, WeightsEnum, register_model
from ._loading import WeightsSource, build_with_weights

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNeXt50_32X4D_Weights",
    "ResNeXt101_32X8D_Weights",
    "ResNeXt101_64X4D_Weights",
    "ResNet",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ResNet101_Weights",
    "ResNet152_Weights",
    "Wide_ResNet50_2_Weights",
    "Wide_ResNet101_2_Weights",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]

NormLayer = Callable[[int], nn.Module]


def conv3x3(
    in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """3x3 convolution that keeps the size at stride 1, without bias."""
    return nn.Conv2d(
        in_planes,
        out_planes,
        3,
        stride=stride,
        padding=dilation,
        groups=groups,
        dilation=dilation,
        bias=False,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """1x1 convolution without bias."""
    return nn.Conv2d(in_planes, out_planes, 1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: ``(N, inplanes, H, W)`` to ``(N, planes, H/stride, W/stride)``."""

    expansion: int = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError(
                f"BasicBlock: supports groups=1 and base_width=64 only, got groups={groups}, "
                f"base_width={base_width}; use Bottleneck for ResNeXt and Wide ResNet"
            )
        if dilation > 1:
            raise NotImplementedError(f"BasicBlock: dilation must be 1, got {dilation}; use Bottleneck")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Residual sum of the two convolutions and the (down-sampled) input."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        result: Tensor = self.relu(out)
        return result


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut; the output has ``planes * 4`` channels."""

    expansion: int = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Residual sum of the three convolutions and the (down-sampled) input."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        result: Tensor = self.relu(out)
        return result


Block = type[BasicBlock] | type[Bottleneck]


class ResNet(nn.Module):
    """Stem, four stages of residual blocks, global average, linear classifier.

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        layers: number of blocks in each of the four stages.
        num_classes: width of the classifier ``fc``.
        zero_init_residual: start every block as the identity.
        groups, width_per_group: ResNeXt and Wide ResNet widths.
        replace_stride_with_dilation: for stages 2 to 4, dilate instead of striding.
        norm_layer: called with the number of channels; batch norm by default.

    Shapes: input ``(N, 3, H, W)`` float; output ``(N, num_classes)``.

    Example:
        >>> import taeda
        >>> model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5).eval()
        >>> tuple(model(taeda.zeros(2, 3, 64, 64)).shape)
        (2, 5)
    """

    def __init__(
        self,
        block: Block,
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        dilate = (
            list(replace_stride_with_dilation)
            if replace_stride_with_dilation is not None
            else [False, False, False]
        )
        if len(dilate) != 3:
            raise ValueError(
                "ResNet: replace_stride_with_dilation should be None or 3 booleans (stages 2, 3 and 4), "
                f"got {replace_stride_with_dilation!r}"
            )
        self._norm_layer: NormLayer = norm_layer or nn.BatchNorm2d
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        init_residual_network(self, zero_init_residual)

    def _make_layer(
        self, block: Block, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        first_dilation = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride),
                self._norm_layer(planes * block.expansion),
            )
        make = partial(block, groups=self.groups, base_width=self.base_width, norm_layer=self._norm_layer)
        stage = [make(self.inplanes, planes, stride, downsample, dilation=first_dilation)]
        self.inplanes = planes * block.expansion
        stage += [make(self.inplanes, planes, dilation=self.dilation) for _ in range(1, blocks)]
        return nn.Sequential(*stage)

    def forward_features(self, x: Tensor) -> Tensor:
        """Pooled features ``(N, 512 * expansion)`` in front of the classifier."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return flatten(self.avgpool(x), 1)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores ``(N, num_classes)`` of images ``(N, 3, H, W)``."""
        scores: Tensor = self.fc(self.forward_features(x))
        return scores


def init_residual_network(model: nn.Module, zero_init_residual: bool) -> None:
    """He's convolutions, ones and zeros in norms, optionally zero in each block's last norm."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.constant_(module.weight, 1)
            nn.init.constant_(module.bias, 0)
    if not zero_init_residual:
        return
    for module in model.modules():
        if isinstance(module, (BasicBlock, Bottleneck)):
            last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
            if isinstance(last.weight, Tensor):
                nn.init.constant_(last.weight, 0)


_URL = "https://download.pytorch.org/models/"
_V1_RECIPE = "https://github.com/pytorch/vision/tree/main/references/classification#resnet"
_V2_RECIPE = "https://github.com/pytorch/vision/issues/3995#new-recipe"


def _imagenet(
    file: str,
    params: int,
    top1: float,
    top5: float,
    gflops: float,
    resize: int = 256,
    recipe: str = _V1_RECIPE,
) -> Weights:
    """Weights trained on ImageNet-1K at 224x224; ``file`` ends in the first 8 hex digits of its SHA-256."""
    return Weights(
        url=_URL + file,
        transforms=partial(
            ImageClassification, crop_size=224, resize_size=resize, interpolation=InterpolationMode.BILINEAR
        ),
        meta={
            "num_classes": 1000,
            "num_params": params,
            "min_size": (1, 1),
            "recipe": recipe,
            "_metrics": {"ImageNet-1K": {"acc@1": top1, "acc@5": top5}},
            "_ops": gflops,
        },
    )


_v2 = partial(_imagenet, resize=232, recipe=_V2_RECIPE)


class ResNet18_Weights(WeightsEnum):
    """Published weights of ResNet-18."""

    IMAGENET1K_V1 = _imagenet("resnet18-f37072fd.pth", 11689512, 69.758, 89.078, 1.814)
    DEFAULT = IMAGENET1K_V1


class ResNet34_Weights(WeightsEnum):
    """Published weights of ResNet-34."""

    IMAGENET1K_V1 = _imagenet("resnet34-b627a593.pth", 21797672, 73.314, 91.420, 3.664)
    DEFAULT = IMAGENET1K_V1


class ResNet50_Weights(WeightsEnum):
    """Published weights of ResNet-50."""

    IMAGENET1K_V1 = _imagenet("resnet50-0676ba61.pth", 25557032, 76.130, 92.862, 4.089)
    IMAGENET1K_V2 = _v2("resnet50-11ad3fa6.pth", 25557032, 80.858, 95.434, 4.089)
    DEFAULT = IMAGENET1K_V2


class ResNet101_Weights(WeightsEnum):
    """Published weights of ResNet-101."""

    IMAGENET1K_V1 = _imagenet("resnet101-63fe2227.pth", 44549160, 77.374, 93.546, 7.801)
    IMAGENET1K_V2 = _v2("resnet101-cd907fc2.pth", 44549160, 81.886, 95.780, 7.801)
    DEFAULT = IMAGENET1K_V2


class ResNet152_Weights(WeightsEnum):
    """Published weights of ResNet-152."""

    IMAGENET1K_V1 = _imagenet("resnet152-394f9c45.pth", 60192808, 78.312, 94.046, 11.514)
    IMAGENET1K_V2 = _v2("resnet152-f82ba261.pth", 60192808, 82.284, 96.002, 11.514)
    DEFAULT = IMAGENET1K_V2


class ResNeXt50_32X4D_Weights(WeightsEnum):
    """Published weights of ResNeXt-50 32x4d."""

    IMAGENET1K_V1 = _imagenet("resnext50_32x4d-7cdf4587.pth", 25028904, 77.618, 93.698, 4.230)
    IMAGENET1K_V2 = _v2("resnext50_32x4d-1a0047aa.pth", 25028904, 81.198, 95.340, 4.230)
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_32X8D_Weights(WeightsEnum):
    """Published weights of ResNeXt-101 32x8d."""

    IMAGENET1K_V1 = _imagenet("resnext101_32x8d-8ba56ff5.pth", 88791336, 79.312, 94.526, 16.414)
    IMAGENET1K_V2 = _v2("resnext101_32x8d-110c445d.pth", 88791336, 82.834, 96.228, 16.414)
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_64X4D_Weights(WeightsEnum):
    """Published weights of ResNeXt-101 64x4d."""

    IMAGENET1K_V1 = _v2("resnext101_64x4d-173b62eb.pth", 83455272, 83.246, 96.454, 15.460)
    DEFAULT = IMAGENET1K_V1


class Wide_ResNet50_2_Weights(WeightsEnum):
    """Published weights of Wide ResNet-50-2."""

    IMAGENET1K_V1 = _imagenet("wide_resnet50_2-95faca4d.pth", 68883240, 78.468, 94.086, 11.398)
    IMAGENET1K_V2 = _v2("wide_resnet50_2-9ba9bcbe.pth", 68883240, 81.602, 95.758, 11.398)
    DEFAULT = IMAGENET1K_V2


class Wide_ResNet101_2_Weights(WeightsEnum):
    """Published weights of Wide ResNet-101-2."""

    IMAGENET1K_V1 = _imagenet("wide_resnet101_2-32ee1156.pth", 126886696, 78.848, 94.284, 22.753)
    IMAGENET1K_V2 = _v2("wide_resnet101_2-d733dc28.pth", 126886696, 82.510, 96.020, 22.753)
    DEFAULT = IMAGENET1K_V2


def _resnet(
    name: str,
    block: Block,
    layers: Sequence[int],
    enum: type[WeightsEnum],
    weights: WeightsSource,
    progress: bool,
    **kwargs: Any,
) -> ResNet:
    return build_with_weights(name, partial(ResNet, block, layers), enum, weights, progress, kwargs)


@register_model(ResNet18_Weights)
def resnet18(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet-18.

    Args:
        weights: a member of ``ResNet18_Weights`` or its name, a local ``.pth``/``.safetensors`` file, or a
            folder in Hugging Face's layout; ``None`` for random weights.
        progress: show a progress bar while downloading.
        **kwargs: passed to ``ResNet``.

    Raises:
        ValueError: unknown weights name, or ``num_classes`` that the weights do not have.
        RuntimeError: the weights do not fit the model.

    Example:
        >>> model = resnet18(num_classes=10)
        >>> model.fc.out_features
        10
    """
    return _resnet("resnet18", BasicBlock, [2, 2, 2, 2], ResNet18_Weights, weights, progress, **kwargs)


@register_model(ResNet34_Weights)
def resnet34(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet-34; arguments as for ``resnet18``."""
    return _resnet("resnet34", BasicBlock, [3, 4, 6, 3], ResNet34_Weights, weights, progress, **kwargs)


@register_model(ResNet50_Weights)
def resnet50(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet-50; arguments as for ``resnet18``."""
    return _resnet("resnet50", Bottleneck, [3, 4, 6, 3], ResNet50_Weights, weights, progress, **kwargs)


@register_model(ResNet101_Weights)
def resnet101(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet-101; arguments as for ``resnet18``."""
    return _resnet("resnet101", Bottleneck, [3, 4, 23, 3], ResNet101_Weights, weights, progress, **kwargs)


@register_model(ResNet152_Weights)
def resnet152(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet-152; arguments as for ``resnet18``."""
    return _resnet("resnet152", Bottleneck, [3, 8, 36, 3], ResNet152_Weights, weights, progress, **kwargs)


@register_model(ResNeXt50_32X4D_Weights)
def resnext50_32x4d(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNeXt-50 32x4d (Xie et al. 2016); arguments as for ``resnet18``."""
    kwargs = {"groups": 32, "width_per_group": 4, **kwargs}
    return _resnet(
        "resnext50_32x4d", Bottleneck, [3, 4, 6, 3], ResNeXt50_32X4D_Weights, weights, progress, **kwargs
    )


@register_model(ResNeXt101_32X8D_Weights)
def resnext101_32x8d(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNeXt-101 32x8d; arguments as for ``resnet18``."""
    kwargs = {"groups": 32, "width_per_group": 8, **kwargs}
    return _resnet(
        "resnext101_32x8d", Bottleneck, [3, 4, 23, 3], ResNeXt101_32X8D_Weights, weights, progress, **kwargs
    )


@register_model(ResNeXt101_64X4D_Weights)
def resnext101_64x4d(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNeXt-101 64x4d; arguments as for ``resnet18``."""
    kwargs = {"groups": 64, "width_per_group": 4, **kwargs}
    return _resnet(
        "resnext101_64x4d", Bottleneck, [3, 4, 23, 3], ResNeXt101_64X4D_Weights, weights, progress, **kwargs
    )


@register_model(Wide_ResNet50_2_Weights)
def wide_resnet50_2(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Wide ResNet-50-2 (Zagoruyko, Komodakis 2016); arguments as for ``resnet18``."""
    kwargs = {"width_per_group": 128, **kwargs}
    return _resnet(
        "wide_resnet50_2", Bottleneck, [3, 4, 6, 3], Wide_ResNet50_2_Weights, weights, progress, **kwargs
    )


@register_model(Wide_ResNet101_2_Weights)
def wide_resnet101_2(*, weights: WeightsSource = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """Wide ResNet-101-2; arguments as for ``resnet18``."""
    kwargs = {"width_per_group": 128, **kwargs}
    return _resnet(
        "wide_resnet101_2", Bottleneck, [3, 4, 23, 3], Wide_ResNet101_2_Weights, weights, progress, **kwargs
    )
