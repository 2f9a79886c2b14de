"""ImageFolder and DatasetFolder on folders made here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from taeda_vision.datasets import DatasetFolder, ImageFolder, VisionDataset
from taeda_vision.datasets.folder import find_classes, make_dataset


@pytest.fixture
def root(tmp_path):
    for name, colour in (("dog", (255, 0, 0)), ("cat", (0, 255, 0))):
        (tmp_path / name / "deep").mkdir(parents=True)
        Image.new("RGB", (4, 3), colour).save(tmp_path / name / "b.png")
        Image.new("L", (4, 3), 9).save(tmp_path / name / "deep" / "a.PNG")
        (tmp_path / name / "notes.txt").write_text("not an image")
    (tmp_path / "readme.txt").write_text("")
    return tmp_path


def test_classes_and_samples_are_sorted(root):
    folder = ImageFolder(root)
    assert folder.classes == ["cat", "dog"]
    assert folder.class_to_idx == {"cat": 0, "dog": 1}
    paths = [(path.removeprefix(str(root)), target) for path, target in folder.samples]
    assert paths == [("/cat/b.png", 0), ("/cat/deep/a.PNG", 0), ("/dog/b.png", 1), ("/dog/deep/a.PNG", 1)]
    assert folder.targets == [0, 0, 1, 1]
    assert folder.imgs is folder.samples
    assert len(folder) == 4


def test_images_are_rgb_and_transformed(root):
    folder = ImageFolder(root, transform=np.asarray, target_transform=lambda target: -target)
    pixels, target = folder[2]
    assert pixels.shape == (3, 4, 3)
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert target == -1


def test_own_filter_and_loader(root):
    folder = ImageFolder(
        root, is_valid_file=lambda path: path.endswith(".txt"), loader=lambda path: Path(path).read_text()
    )
    assert [folder[index] for index in range(2)] == [("not an image", 0), ("not an image", 1)]


def test_dataset_folder_with_extensions(root):
    folder = DatasetFolder(root, loader=str, extensions=(".txt",))
    assert len(folder) == 2
    assert folder[0][0].endswith("notes.txt")


def test_missing_folder_names_it(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"No such image folder: '.*nothing'; expected one sub-folder"
    ):
        ImageFolder(tmp_path / "nothing")


def test_folder_without_classes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(
        FileNotFoundError, match=r"Couldn't find any class folder in .* It holds 1 files and no folders"
    ):
        find_classes(tmp_path)


def test_empty_class_is_named_or_permitted(root):
    (root / "bird").mkdir()
    with pytest.raises(
        FileNotFoundError,
        match=r"Found no valid file for the classes bird. Supported extensions are: .jpg, .jpeg",
    ):
        ImageFolder(root)
    assert ImageFolder(root, allow_empty=True).classes == ["bird", "cat", "dog"]


def test_unreadable_image_names_the_file(root):
    bad = root / "cat" / "b.png"
    bad.write_bytes(bad.read_bytes()[:40])
    with pytest.raises(UnidentifiedImageError, match=r"cat/b.png' \(40 bytes\) is not a readable image"):
        ImageFolder(root)[0]


def test_make_dataset_wants_one_filter(root):
    with pytest.raises(ValueError, match="exactly one of extensions and is_valid_file"):
        make_dataset(root)
    with pytest.raises(ValueError, match="at least one class"):
        make_dataset(root, {}, (".png",))


def test_description(root):
    lines = repr(ImageFolder(root, transform=len)).splitlines()
    assert lines[:3] == ["Dataset ImageFolder", "    Number of datapoints: 4", f"    Root location: {root}"]
    assert lines[3:] == ["    StandardTransform", f"    Transform: {len!r}"]


def test_transforms_exclude_each_other():
    with pytest.raises(ValueError, match="either transforms or transform/target_transform"):
        VisionDataset("x", transforms=lambda a, b: (a, b), transform=len)
    with pytest.raises(NotImplementedError, match="should define __getitem__"):
        VisionDataset("x")[0]
