"""Image operations on tensors ``(..., C, H, W)``; ``functional.py`` is their public face."""

from __future__ import annotations

import math
from collections.abc import Sequence

import taeda
from taeda import Tensor
from taeda.nn import functional as nnf

from ._affine import expanded_size, inverse_affine_matrix
from ._interpolation import InterpolationMode, tensor_mode

__all__: list[str] = []

Fill = Sequence[float] | float | None

_GREY = (0.2989, 0.587, 0.114)


def require_image(img: Tensor, op: str) -> None:
    """Raise ``TypeError`` unless ``img`` has at least the two spatial dimensions."""
    if img.ndim < 2:
        raise TypeError(
            f"{op}: expected an image tensor (..., C, H, W), got shape {tuple(img.shape)}; "
            "it needs at least height and width"
        )


def channels_of(img: Tensor) -> int:
    """Channels of ``(..., C, H, W)``; 1 for ``(H, W)``."""
    return 1 if img.ndim == 2 else int(img.shape[-3])


def require_channels(img: Tensor, permitted: Sequence[int], op: str) -> None:
    """Raise ``TypeError`` unless the number of channels is one of ``permitted``."""
    if channels_of(img) not in permitted:
        raise TypeError(
            f"{op}: expected {' or '.join(map(str, permitted))} channels, got {channels_of(img)} "
            f"in shape {tuple(img.shape)}"
        )


def max_value(dtype: taeda.dtype) -> int:
    """Value of white in images of ``dtype``: 1 for floats, the largest integer otherwise, 1 for bool."""
    if dtype.is_floating_point or dtype == taeda.bool:
        return 1
    return int(taeda.iinfo(dtype).max)


def convert_image_dtype(image: Tensor, dtype: taeda.dtype) -> Tensor:
    """Convert between dtypes and scale so that black and white stay black and white."""
    if image.dtype == dtype:
        return image
    if image.dtype.is_floating_point:
        return _from_float(image, dtype)
    source_max = max_value(image.dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / source_max
    target_max = max_value(dtype)
    if source_max > target_max:
        factor = (source_max + 1) // (target_max + 1)
        return taeda.div(image, factor, rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((target_max + 1) // (source_max + 1))


def _from_float(image: Tensor, dtype: taeda.dtype) -> Tensor:
    if dtype.is_floating_point:
        return image.to(dtype)
    too_wide = (image.dtype == taeda.float32 and dtype in (taeda.int32, taeda.int64)) or (
        image.dtype == taeda.float64 and dtype == taeda.int64
    )
    if too_wide:
        raise RuntimeError(
            f"convert_image_dtype: {image.dtype} cannot represent every {dtype}, so the cast is unsafe; "
            "convert to a wider float first or to a narrower integer"
        )
    # 1.0 must become the maximum, and equal steps of the input equal steps of the output: scale to just below
    # max + 1.
    return image.mul(max_value(dtype) + 1.0 - 1e-3).to(dtype)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool) -> Tensor:
    """``(tensor - mean) / std`` per channel."""
    if not tensor.is_floating_point():
        raise TypeError(
            f"normalize: expected a float tensor, got {tensor.dtype}; convert with convert_image_dtype"
        )
    if tensor.ndim < 3:
        raise ValueError(f"normalize: expected a tensor (..., C, H, W), got shape {tuple(tensor.shape)}")
    tensor = tensor if inplace else tensor.clone()
    centre = taeda.as_tensor(mean, dtype=tensor.dtype, device=tensor.device)
    spread = taeda.as_tensor(std, dtype=tensor.dtype, device=tensor.device)
    if bool((spread == 0).any()):
        raise ValueError(f"normalize: std holds a zero after conversion to {tensor.dtype}: {std!r}")
    for name, values in (("mean", centre), ("std", spread)):
        if values.ndim == 1 and values.shape[0] not in (1, tensor.shape[-3]):
            raise RuntimeError(
                f"normalize: {name} has {values.shape[0]} values, the image has {tensor.shape[-3]} channels "
                f"(shape {tuple(tensor.shape)})"
            )
    if centre.ndim == 1:
        centre = centre.view(-1, 1, 1)
    if spread.ndim == 1:
        spread = spread.view(-1, 1, 1)
    return tensor.sub_(centre).div_(spread)


def as_float_batch(img: Tensor) -> tuple[Tensor, bool]:
    """``img`` as float ``(N, C, H, W)`` and whether a batch dimension was added."""
    added = img.ndim < 4
    batch = img.reshape((1,) * (4 - img.ndim) + tuple(img.shape)) if added else img
    return (batch if batch.is_floating_point() else batch.to(taeda.float32)), added


def from_float_batch(batch: Tensor, like: Tensor) -> Tensor:
    """Undo ``as_float_batch``: the dimensions and dtype of ``like``, rounded if it holds integers."""
    out = batch.reshape(tuple(like.shape[:-3]) + tuple(batch.shape[-3:])) if like.ndim != 2 else batch[0, 0]
    if like.dtype == out.dtype:
        return out
    if not like.is_floating_point():
        out = out.round()
    return out.to(like.dtype)


def get_dimensions(img: Tensor) -> list[int]:
    """``[channels, height, width]``."""
    return [channels_of(img), int(img.shape[-2]), int(img.shape[-1])]


def hflip(img: Tensor) -> Tensor:
    """Mirror left and right."""
    return img.flip(-1)


def vflip(img: Tensor) -> Tensor:
    """Mirror top and bottom."""
    return img.flip(-2)


def invert(img: Tensor) -> Tensor:
    """Negative."""
    return max_value(img.dtype) - img


def resize(img: Tensor, size: Sequence[int], mode: InterpolationMode, antialias: bool) -> Tensor:
    """Resize to ``size`` (height, width)."""
    interpolation = tensor_mode(mode, "resize")
    antialias = antialias and interpolation in ("bilinear", "bicubic")
    align_corners = False if interpolation in ("bilinear", "bicubic") else None
    flat = img.reshape((-1, *tuple(img.shape[-3:]))) if img.ndim > 4 else img
    batch, _ = as_float_batch(flat)
    out = nnf.interpolate(
        batch, size=tuple(size), mode=interpolation, align_corners=align_corners, antialias=antialias
    )
    if interpolation == "bicubic" and img.dtype == taeda.uint8:
        out = out.clamp(min=0, max=255)
    return from_float_batch(out, img)


def crop(img: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """Cut a window; parts of it outside of the image are zero."""
    full_height, full_width = img.shape[-2:]
    inside = img[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    borders = [
        min(width, max(-left, 0)),
        min(width, max(left + width - full_width, 0)),
        min(height, max(-top, 0)),
        min(height, max(top + height - full_height, 0)),
    ]
    return nnf.pad(inside, borders) if any(borders) else inside


def pad(img: Tensor, sides: Sequence[int], fill: float | Sequence[float], mode: str) -> Tensor:
    """Pad by ``sides`` (left, top, right, bottom)."""
    left, top, right, bottom = sides
    if mode == "symmetric":
        rows = _mirror_index(int(img.shape[-2]), top, bottom)
        columns = _mirror_index(int(img.shape[-1]), left, right)
        return img.index_select(-2, rows).index_select(-1, columns)
    if mode == "constant" and isinstance(fill, Sequence):
        if len(fill) != 1:
            raise ValueError(
                f"pad: tensors take one fill value, got {fill!r}; pad PIL images for one value a channel"
            )
        fill = fill[0]
    amounts = [left, right, top, bottom]
    if mode == "constant":
        return nnf.pad(img, amounts, value=fill)  # type: ignore[arg-type]
    batch, _ = as_float_batch(img)
    return from_float_batch(nnf.pad(batch, amounts, mode={"edge": "replicate"}.get(mode, mode)), img)


def _mirror_index(size: int, before: int, after: int) -> Tensor:
    """Indices of a dimension padded by reflection that repeats the border itself; negative amounts crop."""
    positions = [index % (2 * size) for index in range(-before, size + after)]
    return taeda.tensor(
        [index if index < size else 2 * size - 1 - index for index in positions], dtype=taeda.int64
    )


def blend(first: Tensor, second: Tensor, ratio: float) -> Tensor:
    """``ratio * first + (1 - ratio) * second``, kept within the image range."""
    mixed = ratio * first + (1.0 - ratio) * second
    return mixed.clamp(0, max_value(first.dtype)).to(first.dtype)


def rgb_to_grayscale(img: Tensor, num_output_channels: int) -> Tensor:
    """Luma of ITU-R 601-2, kept as one channel or repeated to three."""
    require_channels(img, (1, 3), "rgb_to_grayscale")
    if num_output_channels not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: num_output_channels should be 1 or 3, got {num_output_channels}")
    if img.shape[-3] == 3:
        red, green, blue = img.unbind(dim=-3)
        grey = (_GREY[0] * red + _GREY[1] * green + _GREY[2] * blue).to(img.dtype).unsqueeze(-3)
    else:
        grey = img.clone()
    return grey.expand((*img.shape[:-3], 3, *img.shape[-2:])) if num_output_channels == 3 else grey


def adjust_brightness(img: Tensor, factor: float) -> Tensor:
    """Blend with black."""
    require_channels(img, (1, 3), "adjust_brightness")
    return blend(img, taeda.zeros_like(img), factor)


def adjust_contrast(img: Tensor, factor: float) -> Tensor:
    """Blend with the mean grey."""
    require_channels(img, (1, 3), "adjust_contrast")
    dtype = img.dtype if img.is_floating_point() else taeda.float32
    grey = rgb_to_grayscale(img, 1).to(dtype) if img.shape[-3] == 3 else img.to(dtype)
    return blend(img, grey.mean(dim=(-3, -2, -1), keepdim=True), factor)


def adjust_saturation(img: Tensor, factor: float) -> Tensor:
    """Blend with the grey version."""
    require_channels(img, (1, 3), "adjust_saturation")
    return img if img.shape[-3] == 1 else blend(img, rgb_to_grayscale(img, 1), factor)


def adjust_gamma(img: Tensor, gamma: float, gain: float) -> Tensor:
    """``gain * img ** gamma`` with the image scaled to 0..1."""
    result = convert_image_dtype(img, img.dtype if img.is_floating_point() else taeda.float32)
    return convert_image_dtype((gain * result**gamma).clamp(0, 1), img.dtype)


def adjust_hue(img: Tensor, factor: float) -> Tensor:
    """Turn the hue by ``factor`` of a full circle."""
    require_channels(img, (1, 3), "adjust_hue")
    if img.shape[-3] == 1:
        return img
    dtype = img.dtype
    hue, saturation, value = _rgb_to_hsv(convert_image_dtype(img, taeda.float32)).unbind(dim=-3)
    turned = taeda.stack(((hue + factor) % 1.0, saturation, value), dim=-3)
    return convert_image_dtype(_hsv_to_rgb(turned), dtype)


def _rgb_to_hsv(img: Tensor) -> Tensor:
    red, green, blue = img.unbind(dim=-3)
    largest = img.amax(dim=-3)
    spread = largest - img.amin(dim=-3)
    is_grey = spread == 0
    ones = taeda.ones_like(largest)
    saturation = spread / taeda.where(is_grey, ones, largest)
    divisor = taeda.where(is_grey, ones, spread)
    to_red, to_green, to_blue = ((largest - channel) / divisor for channel in (red, green, blue))
    zeros = taeda.zeros_like(largest)
    sector = taeda.where(largest == red, to_blue - to_green, zeros)
    sector = sector + taeda.where((largest == green) & (largest != red), 2.0 + to_red - to_blue, zeros)
    sector = sector + taeda.where((largest != green) & (largest != red), 4.0 + to_green - to_red, zeros)
    return taeda.stack((taeda.fmod(sector / 6.0 + 1.0, 1.0), saturation, largest), dim=-3)


def _hsv_to_rgb(img: Tensor) -> Tensor:
    hue, saturation, value = img.unbind(dim=-3)

    def channel(offset: float) -> Tensor:
        """Smith's formula: distance of the hue from the channel's flat sector."""
        position = taeda.fmod(hue * 6.0 + offset, 6.0)
        slope = taeda.minimum(position, 4.0 - position).clamp(0.0, 1.0)
        return (value - value * saturation * slope).clamp(0.0, 1.0)

    return taeda.stack((channel(5.0), channel(3.0), channel(1.0)), dim=-3)


def gaussian_blur(img: Tensor, kernel_size: Sequence[int], sigma: Sequence[float]) -> Tensor:
    """Separable Gaussian, mirrored at the border; sizes and sigmas as (x, y) in pixels."""
    batch, _ = as_float_batch(img)
    channels = int(batch.shape[-3])
    half_x, half_y = kernel_size[0] // 2, kernel_size[1] // 2
    padded = nnf.pad(batch, [half_x, half_x, half_y, half_y], mode="reflect")
    row = _gaussian(kernel_size[0], sigma[0], batch.dtype)
    column = _gaussian(kernel_size[1], sigma[1], batch.dtype)
    kernel = (column[:, None] * row[None, :]).expand(channels, 1, kernel_size[1], kernel_size[0])
    return from_float_batch(nnf.conv2d(padded, kernel.contiguous(), groups=channels), img)


def _gaussian(size: int, sigma: float, dtype: taeda.dtype) -> Tensor:
    half = (size - 1) * 0.5
    weights = [math.exp(-0.5 * ((index - half) / sigma) ** 2) for index in range(size)]
    return taeda.tensor([weight / sum(weights) for weight in weights], dtype=dtype)


def rotate(
    img: Tensor,
    angle: float,
    mode: InterpolationMode,
    expand: bool,
    center: Sequence[float] | None,
    fill: Fill,
) -> Tensor:
    """Rotate counter-clockwise by ``angle`` degrees."""
    _, height, width = get_dimensions(img)
    matrix = inverse_affine_matrix(_shift(img, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    size = expanded_size(matrix, height, width) if expand else (height, width)
    return warp(img, matrix, size, tensor_mode(mode, "rotate", ("nearest", "bilinear")), fill)


def affine(
    img: Tensor,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
    mode: InterpolationMode,
    fill: Fill,
    center: Sequence[float] | None,
) -> Tensor:
    """Shear, rotate clockwise, scale and translate."""
    _, height, width = get_dimensions(img)
    matrix = inverse_affine_matrix(_shift(img, center), angle, translate, scale, shear)
    return warp(img, matrix, (height, width), tensor_mode(mode, "affine", ("nearest", "bilinear")), fill)


def _shift(img: Tensor, center: Sequence[float] | None) -> list[float]:
    """``center``, x and y from the top left, as seen from the middle of the image."""
    if center is None:
        return [0.0, 0.0]
    return [center[0] - int(img.shape[-1]) * 0.5, center[1] - int(img.shape[-2]) * 0.5]


def warp(
    img: Tensor, matrix: Sequence[float], size: tuple[int, int], interpolation: str, fill: Fill
) -> Tensor:
    """Sample onto ``size`` (h, w) at ``matrix``: 2x3, output to input, in pixels around the centres."""
    height, width = int(img.shape[-2]), int(img.shape[-1])
    out_height, out_width = size
    batch, _ = as_float_batch(img)
    rows = taeda.arange(out_height, dtype=taeda.float32).view(-1, 1) + (0.5 - out_height * 0.5)
    columns = taeda.arange(out_width, dtype=taeda.float32).view(1, -1) + (0.5 - out_width * 0.5)
    a, b, c, d, e, f = (float(value) for value in matrix)
    x = (a * columns + b * rows + c + (width * 0.5 - 0.5)).reshape(-1)
    y = (d * columns + e * rows + f + (height * 0.5 - 0.5)).reshape(-1)
    pixels = batch.reshape(int(batch.shape[0]), int(batch.shape[1]), height * width)
    sample = _nearest if interpolation == "nearest" else _bilinear
    values, coverage = sample(pixels, x, y, height, width)
    if fill is not None:
        colour = _fill_tensor(fill, int(batch.shape[1]), batch.dtype)
        if interpolation == "nearest":
            values = taeda.where(coverage < 0.5, colour, values)
        else:
            values = values * coverage + (1.0 - coverage) * colour
    return from_float_batch(values.reshape(*tuple(batch.shape[:2]), out_height, out_width), img)


def _fill_tensor(fill: Sequence[float] | float, channels: int, dtype: taeda.dtype) -> Tensor:
    values = [float(fill)] if isinstance(fill, (int, float)) else [float(value) for value in fill]
    if len(values) not in (1, channels):
        raise ValueError(
            f"fill: expected 1 or {channels} values for an image of {channels} channels, got {len(values)}"
        )
    return taeda.tensor(values, dtype=dtype).view(1, -1, 1)


def _gather(pixels: Tensor, x: Tensor, y: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Pixel values at whole coordinates (zero outside) and 1.0 or 0.0 for inside or outside."""
    inside = ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).to(pixels.dtype)
    index = y.clamp(0, height - 1).to(taeda.int64) * width + x.clamp(0, width - 1).to(taeda.int64)
    return pixels.index_select(-1, index) * inside, inside


def _nearest(pixels: Tensor, x: Tensor, y: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    return _gather(pixels, x.round(), y.round(), height, width)


def _bilinear(pixels: Tensor, x: Tensor, y: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    left, top = x.floor(), y.floor()
    share_x, share_y = (x - left).to(pixels.dtype), (y - top).to(pixels.dtype)
    total, coverage = taeda.zeros_like(share_x), taeda.zeros_like(share_x)
    for step_x, weight_x in ((0, 1 - share_x), (1, share_x)):
        for step_y, weight_y in ((0, 1 - share_y), (1, share_y)):
            values, inside = _gather(pixels, left + step_x, top + step_y, height, width)
            total = total + values * (weight_x * weight_y)
            coverage = coverage + inside * (weight_x * weight_y)
    return total, coverage


def erase(img: Tensor, top: int, left: int, height: int, width: int, value: Tensor, inplace: bool) -> Tensor:
    """Overwrite a window with ``value``."""
    img = img if inplace else img.clone()
    img[..., top : top + height, left : left + width] = value
    return img
