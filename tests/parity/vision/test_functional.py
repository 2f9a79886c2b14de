"""Functional transforms against torchvision 0.28: the same pictures in, the same numbers out."""

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision.transforms import InterpolationMode
from taeda_vision.transforms import functional as F

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torchvision.transforms.functional")
their_modes = pytest.importorskip("torchvision.transforms").InterpolationMode

SMOOTH = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)).resize(
    (52, 37), 3
)
BYTES = np.asarray(SMOOTH).transpose(2, 0, 1).copy()
PICTURES = {
    "pil": SMOOTH,
    "pil grey": SMOOTH.convert("L"),
    "bytes": BYTES,
    "floats": (BYTES / np.float32(255)),
    "batch": np.stack([BYTES, BYTES[:, :, ::-1]]),
    "grey": BYTES[:1].copy(),
}
NEAREST, BILINEAR, BICUBIC = InterpolationMode.NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC
EXACT = InterpolationMode.NEAREST_EXACT

CALLS = [
    *(
        ("resize", (size, mode), {})
        for size in (20, [20, 31], [60, 80])
        for mode in (NEAREST, BILINEAR, BICUBIC, EXACT)
    ),
    *(("resize", ([15, 12], mode), {"antialias": False}) for mode in (BILINEAR, BICUBIC)),
    ("resize", (20,), {"max_size": 25}),
    *(("center_crop", (size,), {}) for size in (10, [10, 20], [60, 20], [101, 33])),
    ("crop", (-3, 5, 20, 60), {}),
    ("crop", (30, 40, 20, 60), {}),
    *(("pad", ([1, 2, 3, 4], 7, mode), {}) for mode in ("constant", "edge", "reflect", "symmetric")),
    ("hflip", (), {}),
    ("vflip", (), {}),
    ("rgb_to_grayscale", (1,), {}),
    *(
        (f"adjust_{what}", (f,), {})
        for what in ("brightness", "contrast", "saturation")
        for f in (0.0, 0.3, 1.7)
    ),
    *(("adjust_hue", (f,), {}) for f in (-0.5, 0.13)),
    *(("adjust_gamma", (g, 1.1), {}) for g in (0.5, 2.2)),
    ("invert", (), {}),
    ("gaussian_blur", ([5, 3], [1.0, 0.7]), {}),
    ("gaussian_blur", (3,), {}),
    *(("rotate", (angle, BILINEAR), {"expand": e}) for angle in (30, -77.5, 180) for e in (False, True)),
    ("rotate", (30,), {"center": [10, 7], "fill": 9}),
    ("affine", (20.0, [3, -4], 1.3, [10.0, -5.0], BILINEAR), {}),
    ("affine", (-60.0, [0, 0], 0.6, [20.0], BILINEAR), {"fill": [5.0]}),
    ("affine", (33.0, [0, 2], 1.0, 7.0, NEAREST), {"center": [3, 4]}),
]


def their_argument(value):
    return their_modes(value.value) if isinstance(value, InterpolationMode) else value


@pytest.mark.filterwarnings("ignore:Anti-alias option is always applied")
@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS, ids=lambda value: str(value)[:60])
def test_same_numbers(name, args, kwargs, kind):
    picture = PICTURES[kind]
    is_pil = isinstance(picture, Image.Image)
    ours = getattr(F, name)(picture if is_pil else taeda.from_numpy(picture.copy()), *args, **kwargs)
    reference = getattr(theirs, name)(
        picture if is_pil else torch.from_numpy(picture.copy()), *map(their_argument, args), **kwargs
    )
    ours, reference = np.asarray(ours), np.asarray(reference)
    assert ours.dtype == reference.dtype
    assert ours.shape == reference.shape
    difference = np.abs(ours.astype(float) - reference.astype(float))
    if ours.dtype == np.uint8 and not is_pil:
        # Rounding to bytes turns differences of one bit of a float into one level on a few pixels.
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.005
    else:
        assert difference.max() <= (0 if is_pil else 2e-4)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "1", "I", "F", "P", "CMYK"])
def test_to_tensor(mode):
    picture = SMOOTH.convert(mode)
    assert np.array_equal(np.asarray(F.to_tensor(picture)), np.asarray(theirs.to_tensor(picture)))
    assert np.array_equal(np.asarray(F.pil_to_tensor(picture)), np.asarray(theirs.pil_to_tensor(picture)))


@pytest.mark.parametrize("target", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("source", ["uint8", "int16", "float32", "float64"])
def test_convert_image_dtype(source, target):
    values = np.linspace(0, 1, 50) if source.startswith("float") else np.linspace(0, np.iinfo(source).max, 50)
    values = values.astype(source).reshape(1, 5, 10)
    try:
        expected = theirs.convert_image_dtype(torch.from_numpy(values), getattr(torch, target)).numpy()
    except RuntimeError:
        with pytest.raises(RuntimeError, match="cannot represent"):
            F.convert_image_dtype(taeda.from_numpy(values), getattr(taeda, target))
        return
    result = F.convert_image_dtype(taeda.from_numpy(values), getattr(taeda, target)).numpy()
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-6)
