"""WordPiece tokenizer."""

import json

import pytest

import taeda
from taeda_text import WordPieceTokenizer


@pytest.fixture
def tokenizer(vocab_file):
    return WordPieceTokenizer.from_vocab(vocab_file)


def test_pieces_and_indices(tokenizer):
    assert tokenizer.tokenize("The CAT plays!") == ["the", "cat", "play", "##s", "!"]
    assert tokenizer.tokenize("dog") == ["[UNK]"]
    assert tokenizer.encode("the cat") == [2, 5, 6, 3]
    assert tokenizer.encode("the", pair="cat") == [2, 5, 3, 6, 3]
    assert tokenizer.encode("the", pair="cat", add_special_tokens=False) == [5, 6]
    assert tokenizer.decode([2, 5, 7, 8, 3, 0]) == "the playing"
    assert tokenizer.token_to_id("cat") == 6
    assert tokenizer.token_to_id("zebra") == tokenizer.unk_id == 1
    assert tokenizer.id_to_token(8) == "##ing"
    assert (len(tokenizer), tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (
        13,
        0,
        2,
        3,
        4,
    )


def test_accents_and_cjk(tmp_path):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cafe", "café", "中", "国"]
    assert WordPieceTokenizer.from_vocab(pieces).tokenize("Café 中国") == ["cafe", "中", "国"]
    kept = WordPieceTokenizer.from_vocab(pieces, lowercase=True, strip_accents=False)
    assert kept.tokenize("Café") == ["café"]


def test_batch(tokenizer):
    batch = tokenizer(["the cat plays", "cat"])
    assert batch.input_ids.tolist() == [[2, 5, 6, 7, 9, 3], [2, 6, 3, 0, 0, 0]]
    assert batch.attention_mask.tolist() == [[1] * 6, [1, 1, 1, 0, 0, 0]]
    assert batch.token_type_ids.tolist() == [[0] * 6, [0] * 6]
    assert batch.input_ids.dtype == taeda.int64
    assert batch.to("cpu").input_ids.tolist() == batch.input_ids.tolist()
    assert tokenizer("cat").input_ids.tolist() == [[2, 6, 3]]


def test_padding_and_truncation(tokenizer):
    assert tokenizer("the cat plays", max_length=4).input_ids.tolist() == [[2, 5, 6, 3]]
    assert tokenizer("cat", padding="max_length", max_length=5).input_ids.tolist() == [[2, 6, 3, 0, 0]]
    assert tokenizer("the cat plays", max_length=4, truncation=False).input_ids.shape[1] == 6
    assert tokenizer(["cat", "the"], padding=False).input_ids.tolist() == [[2, 6, 3], [2, 5, 3]]


@pytest.mark.parametrize(
    ("first", "second", "room", "kept"),
    [("ttt", "c", 3, ("tt", "c")), ("t", "ccc", 3, ("t", "cc")), ("tttt", "ccc", 4, ("tt", "cc")),
     ("tttt", "ccc", 5, ("ttt", "cc")), ("ttt", "cccc", 5, ("tt", "ccc")), ("tt", "cc", 0, ("", ""))],
)  # fmt: skip
def test_pairs_lose_from_the_longer_text(tokenizer, first, second, room, kept):
    words = {"t": "the", "c": "cat"}
    batch = tokenizer(
        [" ".join(words[x] for x in first)], [" ".join(words[x] for x in second)], max_length=room + 3
    )
    ids = [2, *(5 for _ in kept[0]), 3, *(6 for _ in kept[1]), 3]
    assert batch.input_ids.tolist() == [ids]
    assert batch.token_type_ids.tolist() == [[0] * (len(kept[0]) + 2) + [1] * (len(kept[1]) + 1)]


def test_folders(tmp_path, vocab_file, tokenizer):
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": False, "model_max_length": 7})
    )
    from_vocab = WordPieceTokenizer.from_folder(tmp_path)
    assert from_vocab.tokenize("The cat") == ["[UNK]", "cat"]
    assert from_vocab.max_length == 7
    tokenizer.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "vocab.txt").read_text() == vocab_file.read_text()
    again = WordPieceTokenizer.from_folder(tmp_path / "saved")
    assert again("The cat plays").input_ids.tolist() == tokenizer("The cat plays").input_ids.tolist()
    assert again.max_length is None


def test_no_limit_of_hugging_face(tmp_path, vocab_file):
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1000000000000000019884624838656}')
    assert WordPieceTokenizer.from_folder(tmp_path).max_length is None


def test_training():
    texts = ["low lower lowest", "new newer newest", "wide wider widest"] * 5
    tokenizer = WordPieceTokenizer.train(texts, vocab_size=60)
    assert tokenizer.vocab_size <= 60
    assert tokenizer.decode(tokenizer.encode("newest lower")) == "newest lower"
    assert "[UNK]" not in tokenizer.tokenize("widest")


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"from_vocab: no file .*nothing.txt; expected a vocab.txt"):
        WordPieceTokenizer.from_vocab(tmp_path / "nothing.txt")
    with pytest.raises(FileNotFoundError, match=r"from_folder: no folder .*nowhere"):
        WordPieceTokenizer.from_folder(tmp_path / "nowhere")
    (tmp_path / "notes.md").touch()
    with pytest.raises(
        FileNotFoundError, match=r"neither tokenizer.json nor vocab.txt; found \['notes.md'\]"
    ):
        WordPieceTokenizer.from_folder(tmp_path)


def test_bad_vocabularies(tmp_path):
    with pytest.raises(ValueError, match=r"the vocabulary is empty"):
        WordPieceTokenizer.from_vocab([])
    with pytest.raises(ValueError, match=r"the vocabulary of 2 pieces lacks \[PAD\]"):
        WordPieceTokenizer.from_vocab(["[UNK]", "a"])
    twice = tmp_path / "twice.txt"
    twice.write_text("[PAD]\na\nb\na\n")
    with pytest.raises(ValueError, match=r"twice.txt lists 'a' twice, in lines 2 and 4"):
        WordPieceTokenizer.from_vocab(twice)
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary.txt is not UTF-8 text"):
        WordPieceTokenizer.from_vocab(binary)


def test_bad_tokenizer_json(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{ no json")
    with pytest.raises(ValueError, match=r"tokenizer.json: not valid JSON .*; download the file again"):
        WordPieceTokenizer.from_folder(tmp_path)
    path.write_text('{"model": {"type": "BPE"}}')
    with pytest.raises(ValueError, match=r"holds a BPE model; expected WordPiece \(BERT's\)"):
        WordPieceTokenizer.from_folder(tmp_path)
    path.write_text('{"model": {"type": "WordPiece"}}')
    with pytest.raises(ValueError, match=r"WordPieceTokenizer: cannot read .*tokenizer.json"):
        WordPieceTokenizer.from_folder(tmp_path)


def test_bad_calls(tokenizer):
    with pytest.raises(TypeError, match=r"texts\[1\] is int \(3\); expected str"):
        tokenizer(["cat", 3])
    with pytest.raises(ValueError, match=r"the batch is empty; expected at least one text"):
        tokenizer([])
    with pytest.raises(ValueError, match=r"got 2 texts but 1 pairs"):
        tokenizer(["a", "b"], ["c"])
    with pytest.raises(
        ValueError, match=r"sequences have 3 to 4 pieces and cannot form one tensor; pass padding=True"
    ):
        tokenizer(["cat", "the cat"], padding=False)
    with pytest.raises(ValueError, match=r"padding='max_length' needs a length; pass max_length="):
        tokenizer("cat", padding="max_length")
    with pytest.raises(ValueError, match=r"padding='right'; expected True, False, 'longest' or 'max_length'"):
        tokenizer("cat", padding="right")
    with pytest.raises(
        ValueError, match=r"max_length=1 leaves no room beside \[CLS\] and \[SEP\]; expected at least 2"
    ):
        tokenizer("cat", max_length=1)
    with pytest.raises(IndexError, match=r"index 13 is out of range; expected 0 <= index < 13"):
        tokenizer.id_to_token(13)
