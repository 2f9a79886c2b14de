"""The shipped glyph model reads characters drawn here, by other means than the recipe's."""

from importlib import resources

import numpy as np
import pytest
from PIL import Image, ImageDraw

import taeda
from taeda_vision.models import GlyphResNet_Weights, glyph_resnet

# Strokes on a 20x20 field, as a person would draw the character.
STROKES = {
    "1": [[(7, 6), (10, 3), (10, 17)]],
    "4": [[(13, 17), (13, 3), (5, 12), (16, 12)]],
    "7": [[(4, 4), (15, 4), (8, 17)]],
    "A": [[(4, 17), (10, 3), (16, 17)], [(6, 12), (14, 12)]],
    "E": [[(15, 3), (5, 3), (5, 17), (15, 17)], [(5, 10), (13, 10)]],
    "F": [[(15, 3), (5, 3), (5, 17)], [(5, 10), (13, 10)]],
    "H": [[(5, 3), (5, 17)], [(15, 3), (15, 17)], [(5, 10), (15, 10)]],
    "K": [[(5, 3), (5, 17)], [(15, 3), (5, 11), (15, 17)]],
    "L": [[(6, 3), (6, 17), (15, 17)]],
    "M": [[(3, 17), (4, 3), (10, 12), (16, 3), (17, 17)]],
    "N": [[(5, 17), (5, 3), (15, 17), (15, 3)]],
    "T": [[(4, 3), (16, 3)], [(10, 3), (10, 17)]],
    "X": [[(4, 3), (16, 17)], [(16, 3), (4, 17)]],
    "Z": [[(4, 3), (16, 3), (4, 17), (16, 17)]],
}


def drawn(character, inverted):
    picture = Image.new("L", (40, 40), 255 if inverted else 0)
    for stroke in STROKES[character]:
        points = [(2 * x, 2 * y) for x, y in stroke]
        ImageDraw.Draw(picture).line(points, fill=0 if inverted else 255, width=4, joint="curve")
    return picture


@pytest.mark.parametrize("inverted", [False, True], ids=["white ink", "black ink"])
def test_reads_drawn_characters(inverted):
    model = glyph_resnet(weights=GlyphResNet_Weights.DEFAULT).eval()
    preset, names = GlyphResNet_Weights.DEFAULT.transforms(), GlyphResNet_Weights.DEFAULT.meta["categories"]
    batch = taeda.stack([preset(drawn(character, inverted)) for character in STROKES])
    with taeda.no_grad():
        guesses = [names[index].upper() for index in model(batch).argmax(dim=1).tolist()]
    right = sum(guess == character for guess, character in zip(guesses, STROKES, strict=True))
    assert right >= len(STROKES) - 2, dict(zip(STROKES, guesses, strict=True))


def test_file_is_small():
    file = resources.files("taeda_vision.models").joinpath("weights", "glyphs_v1.safetensors")
    assert len(file.read_bytes()) < 1_000_000


def test_meta_matches_the_model():
    meta = GlyphResNet_Weights.DEFAULT.meta
    model = glyph_resnet()
    assert sum(parameter.numel() for parameter in model.parameters()) == meta["num_params"]
    assert len(set(meta["categories"])) == meta["num_classes"] == model.fc.out_features


def test_preset_on_pil_and_tensor(rgb):
    preset = GlyphResNet_Weights.DEFAULT.transforms()
    from_pil = preset(rgb)
    from_tensor = preset(taeda.from_numpy(np.asarray(rgb).transpose(2, 0, 1).copy()))
    assert tuple(from_pil.shape) == (1, 32, 32)
    assert float(from_pil.min()) >= -1
    assert float((from_pil - from_tensor).abs().max()) < 0.03
    assert float(preset(Image.new("L", (9, 9), 255)).min()) == 1.0
