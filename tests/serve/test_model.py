import numpy as np
import pytest
import tiny_models

import taeda
import taeda_serve
from taeda_serve.errors import ArchiveError, RequestError
from taeda_serve.work import Answer, Work, top_classes

from .conftest import BLUE, GREEN, RED, TRUST, encode, package_colour


@pytest.fixture(scope="module")
def colour(store):
    return taeda_serve.load_archive(store / "colour.taeda", TRUST)


@pytest.fixture(scope="module")
def double(store):
    return taeda_serve.load_archive(store / "double.taeda", TRUST)


def test_prediction_equals_the_softmax_by_hand(colour):
    answer = colour.predict(encode((255, 102, 0)))
    scores = np.exp(5 * np.array([1.0, 0.4, 0.0]))
    assert list(answer) == ["red", "green", "blue"]
    np.testing.assert_allclose(list(answer.values()), scores / scores.sum(), rtol=1e-5)


def test_a_path_and_top(colour, tmp_path):
    (tmp_path / "blue.png").write_bytes(encode(BLUE))
    assert list(colour.predict(tmp_path / "blue.png", top=1)) == ["blue"]


def test_a_batch_gives_each_request_its_own_answer(colour):
    colours = [RED, GREEN, BLUE, GREEN]
    results = colour.run_batch([Work(images=(encode(each),)) for each in colours])
    assert [int(result.outputs["probabilities"].argmax()) for result in results] == [0, 1, 2, 1]
    assert {result.batch_rows for result in results} == {4}


def test_a_bad_image_leaves_the_others_alone(colour):
    good = Work(images=(encode(RED),))
    results = colour.run_batch([good, Work(images=(b"junk",)), good, Work(images=(encode(BLUE), b""))])
    assert [type(result) for result in results] == [Answer, RequestError, Answer, RequestError]
    assert results[1].status == 415
    assert results[3].message.startswith("image 1: ")


def test_requests_of_several_rows_and_several_shapes(double):
    shapes = [(2, 3), (1, 5), (4, 3)]
    works = [Work(tensors={"x": np.full(shape, i, np.float32)}) for i, shape in enumerate(shapes)]
    results = double.run_batch(works)
    for index, (result, shape) in enumerate(zip(results, shapes)):
        np.testing.assert_array_equal(result.outputs["output"], np.full(shape, 2.0 * index))
    assert [result.batch_rows for result in results] == [6, 1, 6]


def test_a_request_that_makes_the_module_raise_leaves_the_others_alone(double):
    values = [1.0, tiny_models.Doubler.RAISE, 3.0]
    results = double.run_batch([Work(tensors={"x": np.array([[value]], np.float32)}) for value in values])
    assert results[0].outputs["output"].tolist() == [[2.0]]
    assert results[2].outputs["output"].tolist() == [[6.0]]
    assert (results[1].status, results[1].message) == (
        500,
        "the model raised ValueError: 444 is not welcome; check the input's values",
    )


def test_an_image_that_preprocessing_cannot_take(tmp_path):
    path = tmp_path / "crop.taeda"
    steps = [{"name": "Resize", "args": {"size": 8}}, {"name": "CenterCrop", "args": {"size": 8}}]
    package_colour(path, preprocessing=[*steps, {"name": "ToTensor"}])
    model = taeda_serve.load_archive(path, TRUST)
    model._pipeline._transforms.insert(0, lambda image: 1 / 0)
    with pytest.raises(
        RequestError, match=r"an image that Resize, .* 20 x 10 pixels, .* ZeroDivisionError"
    ) as caught:
        model.predict(encode())
    assert caught.value.status == 422


def test_several_inputs_and_outputs(store):
    model = taeda_serve.load_archive(store / "two.taeda", TRUST)
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    mask = np.array([[True, False, True], [False, False, True]])
    outputs = model.infer({"mask": mask, "ids": ids})
    assert {name: array.tolist() for name, array in outputs.items()} == {
        "sum": [[4.0], [6.0]],
        "count": [[2.0], [1.0]],
    }


@pytest.mark.parametrize(
    ("inputs", "status", "text"),
    [
        ({}, 400, r"inputs of model 'double': expected exactly \['x'\], got \[\]; name every input once"),
        ({"y": np.zeros((1, 1), np.float32)}, 400, r"got \['y'\]"),
        ({"x": np.zeros((1, 1))}, 422, "input 'x': expected datatype FP32, got float64; cast it"),
        ({"x": np.zeros(3, np.float32)}, 422, r"input 'x': expected shape \[-1, -1\] .* got \[3\]; reshape"),
        ({"x": np.zeros((), np.float32)}, 422, r"got \[\]; reshape"),
        ({"x": np.zeros((0, 2), np.float32)}, 422, "expected the same batch size, at least 1"),
    ],
)
def test_wrong_tensors(double, inputs, status, text):
    with pytest.raises(RequestError, match=text) as caught:
        double.infer(inputs)
    assert caught.value.status == status


def test_weights_of_another_model_are_refused(tmp_path, store):
    archive = taeda_serve.read_archive(store / "colour.taeda")
    other = taeda_serve.Archive(archive.path, archive.manifest, archive.labels, b"", archive.digest)
    wrong = taeda_serve.weights.state_to_bytes({"head.weight": taeda.zeros(5, 3)})
    with pytest.raises(
        ArchiveError, match=r"weights: expected the state dict of tiny_models:MeanColour, got .*head\.weight"
    ):
        taeda_serve.ServableModel(taeda_serve.Archive(**{**other.__dict__, "weights": wrong}), TRUST)


def test_loading_needs_trust_for_foreign_code(store):
    with pytest.raises(ArchiveError, match="pass --trust tiny_models:MeanColour"):
        taeda_serve.load_archive(store / "colour.taeda")


def test_a_size_that_preprocessing_leaves_free(tmp_path):
    path = tmp_path / "free.taeda"
    manifest = package_colour(path, preprocessing=[{"name": "ToTensor", "args": {}}])
    assert manifest.inputs[0].shape == (-1, 3, -1, -1)
    model = taeda_serve.load_archive(path, TRUST)
    works = [Work(images=(encode(RED, size),)) for size in ((5, 5), (9, 4), (5, 5))]
    assert [result.batch_rows for result in model.run_batch(works)] == [2, 1, 2]


def test_top_classes_without_labels_are_numbered():
    assert top_classes(np.array([0.2, 0.5, 0.3]), None, 2) == {"1": 0.5, "2": 0.3}
