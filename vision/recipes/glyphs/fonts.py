"""The fonts of the recipe, found in installed PyPI packages, and a master picture of each of their glyphs."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from taeda_vision.models.glyph import GLYPHS

__all__ = ["CAPITALS_ONLY", "MASTER_SIZE", "TEST_FONTS", "TRAIN_FONTS", "draw_masters"]

MASTER_SIZE = 64

TRAIN_FONTS: dict[str, list[str]] = {
    "matplotlib": [
        *(
            f"DejaVuSans{style}.ttf"
            for style in ("", "-Bold", "-Oblique", "-BoldOblique", "Mono", "Mono-Bold")
        ),
        *(f"DejaVuSerif{style}.ttf" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
        *(f"STIXGeneral{style}.ttf" for style in ("", "Bol", "Italic", "BolIta")),
        *(f"cm{style}10.ttf" for style in ("r", "ss", "tt", "mi", "b", "ti")),
    ],
    "font-roboto": [
        f"Roboto-{style}.ttf"
        for style in ("Thin", "Light", "Regular", "Italic", "Bold", "BlackItalic", "Black")
    ],
    "font-source-sans-pro": [
        f"SourceSansPro-{style}.ttf" for style in ("ExtraLight", "Light", "Regular", "It", "Bold", "BlackIt")
    ],
    "font-source-serif-pro": [
        f"SourceSerifPro-{style}.ttf" for style in ("ExtraLight", "Regular", "It", "Bold", "BlackIt")
    ],
    "font-amatic-sc": ["AmaticSC-Regular.ttf", "AmaticSC-Bold.ttf"],
    "font-fredoka-one": ["FredokaOne-Regular.ttf"],
    "font-intuitive": ["Intuitive.ttf"],
    "font-manrope": [f"Manrope-{style}.ttf" for style in ("Light", "Medium", "Bold")],
}
# Fonts that show capitals in place of small letters; their small letters are left out.
CAPITALS_ONLY = {"AmaticSC-Regular.ttf", "AmaticSC-Bold.ttf"}
# Families that training never sees, in any style: they measure the recipe.
TEST_FONTS: dict[str, list[str]] = {
    "font-hanken-grotesk": [f"HankenGrotesk-{style}.otf" for style in ("Light", "Regular", "Italic", "Bold")],
    "font-caladea": [f"Caladea-{style}.ttf" for style in ("Regular", "Italic", "Bold", "BoldItalic")],
}


def draw_masters(fonts: dict[str, list[str]]) -> np.ndarray:
    """White glyphs on black, each centred: uint8 ``(fonts, characters, MASTER_SIZE, MASTER_SIZE)``.

    A character that a font does not have stays black. The size is the same for all characters of a font, so
    that capitals stay larger than small letters.
    """
    paths = [_locate(package, name) for package, names in fonts.items() for name in names]
    return np.stack([_draw_font(path) for path in paths])


def _locate(package: str, name: str) -> Path:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError as error:
        raise SystemExit(f"font package {package!r} is missing: pip install -r requirements.txt") from error
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise SystemExit(f"{name!r} is not in package {package!r}; install the version named in requirements.txt")


def _draw_font(path: Path) -> np.ndarray:
    font = ImageFont.truetype(str(path), 100)
    boxes = [font.getbbox(character) for character in GLYPHS]
    largest = max(max(right - left, bottom - top) for left, top, right, bottom in boxes)
    font = ImageFont.truetype(str(path), int(100 * 0.94 * MASTER_SIZE / largest))
    pictures = np.zeros((len(GLYPHS), MASTER_SIZE, MASTER_SIZE), np.uint8)
    for index, character in enumerate(GLYPHS):
        if path.name in CAPITALS_ONLY and character.islower():
            continue
        picture = Image.new("L", (MASTER_SIZE, MASTER_SIZE))
        left, top, right, bottom = font.getbbox(character)
        x, y = (MASTER_SIZE - left - right) / 2, (MASTER_SIZE - top - bottom) / 2
        ImageDraw.Draw(picture).text((x, y), character, font=font, fill=255)
        pictures[index] = np.asarray(picture)
    return pictures
