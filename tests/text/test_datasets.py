"""Data sets, each on small files in the real format."""

import io
import tarfile

import pytest

from taeda.utils.data import DataLoader
from taeda_text import datasets
from taeda_text.datasets import AG_NEWS, TextFolder, TextTable

# Two rows in the form of the real file: quoted fields, doubled quotes, "\n" as a backslash.
AG_ROWS = (
    '"3","Wall St. Bears Claw Back Into the Black (Reuters)",'
    '"Reuters - Short-sellers, Wall Street\'s dwindling\\band."\n'
    '"4","A ""new"" comet","Seen, at last"\n'
)


@pytest.fixture
def ag_root(tmp_path):
    (tmp_path / "train.csv").write_text(AG_ROWS, encoding="utf-8")
    (tmp_path / "test.csv").write_text('"1","Só","peace"\n', encoding="utf-8")
    return tmp_path


def test_ag_news(ag_root):
    train, test = AG_NEWS(ag_root)
    assert list(train) == [
        (
            3,
            "Wall St. Bears Claw Back Into the Black (Reuters) Reuters - Short-sellers, Wall Street's "
            "dwindling\\band.",
        ),
        (4, 'A "new" comet Seen, at last'),
    ]
    assert list(train) == list(AG_NEWS(ag_root, split="train"))
    assert list(test) == [(1, "Só peace")]
    labels, texts = next(iter(DataLoader(train, batch_size=2)))
    assert labels.tolist() == [3, 4]
    assert texts[1].startswith('A "new"')


def test_ag_news_in_torchtexts_folder(ag_root):
    (ag_root / "datasets" / "AG_NEWS").mkdir(parents=True)
    (ag_root / "train.csv").rename(ag_root / "datasets" / "AG_NEWS" / "train.csv")
    assert [label for label, _ in AG_NEWS(ag_root, "train")] == [3, 4]


@pytest.mark.parametrize(
    ("name", "stem", "classes"),
    [
        ("AG_NEWS", "ag_news_csv", 4),
        ("AmazonReviewFull", "amazon_review_full_csv", 5),
        ("AmazonReviewPolarity", "amazon_review_polarity_csv", 2),
        ("DBpedia", "dbpedia_csv", 14),
        ("SogouNews", "sogou_news_csv", 5),
        ("YahooAnswers", "yahoo_answers_csv", 10),
        ("YelpReviewFull", "yelp_review_full_csv", 5),
        ("YelpReviewPolarity", "yelp_review_polarity_csv", 2),
    ],
)
def test_archives(tmp_path, name, stem, classes):
    with tarfile.open(tmp_path / f"{stem}.tar.gz", "w:gz") as archive:
        for split, label in (("train", classes), ("test", 1)):
            content = f'"{label}","title of {split}","text"\n'.encode()
            member = tarfile.TarInfo(f"{stem}/{split}.csv")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    train, test = getattr(datasets, name)(tmp_path)
    assert list(train) == [(classes, "title of train text")]
    assert list(test) == [(1, "title of test text")]
    train.path.write_text(f'"{classes + 1}","x"\n')
    with pytest.raises(
        ValueError, match=rf"train.csv, line 1: expected a class from 1 to {classes} and one or more"
    ):
        list(train)


def test_missing_files_say_what_to_put_where(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"AG_NEWS: found none of \['ag_news_csv/test.csv', 'test.csv'\] in .*datasets/AG_NEWS; "
        r"get the data from https://github.com/.* "
        r"and put ag_news_csv/test.csv \(or the archive ag_news_csv.tar.gz\)",
    ):
        AG_NEWS(tmp_path, split="test")
    with pytest.raises(
        ValueError, match=r"AG_NEWS: unknown split 'dev'; expected one of \('train', 'test'\)"
    ):
        AG_NEWS(tmp_path, split="dev")


def test_damaged_and_hostile_archives(tmp_path):
    archive = tmp_path / "ag_news_csv.tar.gz"
    archive.write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(
        ValueError, match=r"(?s)cannot unpack .*ag_news_csv.tar.gz: .*; download the archive again"
    ):
        AG_NEWS(tmp_path)
    with tarfile.open(archive, "w:gz") as packed:
        member = tarfile.TarInfo("../outside.csv")
        member.size = 1
        packed.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match=r"cannot unpack .*outside.csv"):
        AG_NEWS(tmp_path)
    assert not (tmp_path.parent / "outside.csv").exists()


def test_table_in_three_formats(tmp_path):
    (tmp_path / "t.csv").write_text('label,text,extra\nneg,"bad, really",1\npos,good,2\n')
    (tmp_path / "t.tsv").write_text('text\tlabel\nsaid "bad\tneg\ngood\tpos\n')
    (tmp_path / "t.jsonl").write_text('{"text": "bad", "label": 0}\n\n{"text": "good", "label": 1}\n')
    table = TextTable(tmp_path / "t.csv")
    assert [table[i] for i in range(len(table))] == [("bad, really", 0), ("good", 1)]
    assert table.classes == ["neg", "pos"]
    assert TextTable(tmp_path / "t.tsv")[0] == ('said "bad', 0)
    assert TextTable(tmp_path / "t.jsonl").classes == ["0", "1"]
    joined = TextTable(tmp_path / "t.csv", text=["text", "extra"], transform=str.upper)
    assert joined[0] == ("BAD, REALLY 1", 0)
    other_order = TextTable(tmp_path / "t.csv", classes=["pos", "neg"])
    assert other_order.targets == [1, 0]


def test_table_without_header(tmp_path):
    (tmp_path / "t.txt").write_text("3,one\n1,two\n")
    table = TextTable(tmp_path / "t.txt", text="1", label="0", format="csv", header=False)
    assert (table.texts, table.classes, table.targets) == (["one", "two"], ["1", "3"], [1, 0])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "text,label\na,b\nonly\n", r"t.csv, line 3: expected 2 columns \['text', 'label'\], got 1"),
        ("t.csv", "text,kind\na,b\n", r"t.csv, line 2: no column 'label'; it has \['kind', 'text'\]"),
        ("t.csv", "text,label\n", r"t.csv has no rows"),
        ("t.csv", 'text,label\n"open,b\n', r"t.csv, after line 2: unexpected end of data"),
        ("t.jsonl", '{"text": "a", "label": 1}\n{oops\n', r"t.jsonl, line 2: not valid JSON"),
        ("t.jsonl", "[1]\n", r"t.jsonl, line 1: expected a JSON object, got list"),
        ("t.parquet", "", r"cannot tell the format of .*t.parquet \(format=None\); pass format="),
    ],
)
def test_table_errors(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        TextTable(tmp_path / name)


def test_table_unknown_label_and_encoding(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\na,pos\nb,maybe\n")
    with pytest.raises(ValueError, match=r"line 3: unknown label 'maybe'; expected one of \['neg', 'pos'\]"):
        TextTable(path, classes=["neg", "pos"])
    path.write_bytes("text,label\nä,b\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"t.csv, after line 0: .*; expected UTF-8 text"):
        TextTable(path)
    with pytest.raises(FileNotFoundError, match=r"TextTable: no file .*none.csv"):
        TextTable(tmp_path / "none.csv")


def test_folder(tmp_path):
    for name, text in (
        ("pos/b.txt", "good"),
        ("pos/a.txt", "great"),
        ("neg/x.txt", "bad"),
        ("neg/notes.md", "-"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = TextFolder(tmp_path)
    assert folder.classes == ["neg", "pos"]
    assert [folder[i] for i in range(len(folder))] == [("bad", 0), ("great", 1), ("good", 1)]
    assert TextFolder(tmp_path, classes=["pos"], transform=len)[0] == (5, 0)
    with pytest.raises(
        FileNotFoundError, match=r"lacks the class folders \['mid'\]; it has \['neg', 'pos'\]"
    ):
        TextFolder(tmp_path, classes=["pos", "mid"])
    with pytest.raises(FileNotFoundError, match=r"hold no file with \('.csv',\)"):
        TextFolder(tmp_path, extensions=(".csv",))
    with pytest.raises(
        FileNotFoundError, match=r"no folder .*gone; expected one with a sub-folder for each class"
    ):
        TextFolder(tmp_path / "gone")
    (tmp_path / "neg" / "x.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"x.txt is not UTF-8 text"):
        folder[0]
