"""The restricted pickle reader: what it builds, and all the ways in which it refuses to run anything."""

import collections
import io
import os
import pickle
import pickletools
import struct

import numpy as np
import pytest

from taeda._serialization.pickle_globals import find_global
from taeda._serialization.pickle_reader import PickleReader, UnknownGlobal


def read(content, **options):
    return PickleReader(
        io.BytesIO(content), find_global, lambda identifier: ("persistent", identifier), **options
    ).load()


PLAIN = [
    None,
    True,
    False,
    0,
    255,
    65535,
    -1,
    2**31 - 1,
    -(2**40),
    2**2000,
    1.5,
    float("inf"),
    "text",
    "ünï ☃ \ud800",
    b"bytes",
    b"\xff" * 300,
    bytearray(b"ab"),
    1 + 2j,
    [],
    (),
    {},
    set(),
    [1, [2, [3]]],
    (1,),
    (1, 2),
    (1, 2, 3),
    (1, 2, 3, 4),
    {"a": {"b": [None]}, 3: (4,), (1, "x"): 5},
    {1, "two", 3.0},
    frozenset([1, 2]),
    list(range(2000)),
    collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.Counter("aab"),
]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:20])
def test_plain_data(value, protocol):
    content = pickle.dumps(value, protocol)
    found = read(content)
    assert found == value
    assert type(found) is type(value)
    assert read(pickletools.optimize(content)) == value


@pytest.mark.parametrize("protocol", [2, 4])
def test_shared_and_cyclic_objects(protocol):
    inner = [1]
    found = read(pickle.dumps([inner, inner], protocol))
    assert found[0] is found[1]
    cycle = []
    cycle.append(cycle)
    found = read(pickle.dumps(cycle, protocol))
    assert found[0] is found


def test_attributes_of_ordered_dicts():
    value = collections.OrderedDict(a=1)
    value._metadata = {"": {"version": 2}}
    assert read(pickle.dumps(value, 2))._metadata == {"": {"version": 2}}


def test_numpy_values():
    for value in (np.float64(2.5), np.int8(-3), np.bool_(True), np.complex64(1 + 2j)):
        found = read(pickle.dumps(value, 2))
        assert (found, type(found)) == (value, type(value))
    for array in (
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array([1, 2], ">i4"),
    ):
        found = read(pickle.dumps(array, 2))
        np.testing.assert_array_equal(found, array)
        assert found.dtype == pickle.loads(pickle.dumps(array, 2)).dtype


def test_numpy_objects_are_refused():
    with pytest.raises(pickle.UnpicklingError, match=r"NumPy dtype 'O8?'"):
        read(pickle.dumps(np.array([object()], dtype=object), 2))


def test_python_2_texts():
    content = b"\x80\x02U\x03\xe9ab."
    assert read(content, encoding="latin1") == "éab"
    assert read(content, encoding="bytes") == b"\xe9ab"
    with pytest.raises(pickle.UnpicklingError, match="UnicodeDecodeError"):
        read(content)


class Attack:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


MARKER = "TAEDA_TEST_ATTACK"


@pytest.fixture(autouse=True)
def nothing_ran():
    os.environ.pop(MARKER, None)
    yield
    assert MARKER not in os.environ


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "system"),
        (eval, "builtins.eval"),
        (exec, "builtins.exec"),
        (getattr, "builtins.getattr"),
        (__import__, "builtins.__import__"),
        (open, "open"),
        (pickle.loads, "ickle.loads"),
        (os.putenv, "putenv"),
    ],
)
def test_calls_are_refused_by_name(function, name, protocol):
    code = f"__import__('os').environ.__setitem__('{MARKER}', '1')"
    with pytest.raises(
        UnknownGlobal, match=f"asks for the global .*{name}.*nothing of it was executed"
    ) as caught:
        read(pickle.dumps({"weights": Attack(function, code)}, protocol))
    assert "add_safe_globals" in str(caught.value)


CALL = b"(S'code'\n"


@pytest.mark.parametrize(
    ("content", "opcode"),
    [
        (CALL + b"ios\nsystem\n.", "INST"),
        (b"(cos\nsystem\nS'code'\no.", "OBJ"),
        (b"\x80\x04c__builtin__\nset\n)}\x92.", "NEWOBJ_EX"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02\x83\x01\x00.", "EXT2"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "EXT4"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"\x80\x02N\x98.", "READONLY_BUFFER"),
        (b"\x80\x02\xff.", r"b'\\xff'"),
    ],
)
def test_opcodes_that_data_do_not_need(content, opcode):
    with pytest.raises(pickle.UnpicklingError, match=f"the opcode {opcode}|asks for the global os.system"):
        read(content)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        # REDUCE on things that are no constructors
        (b"\x80\x02X\x01\x00\x00\x00a)R.", "calls an object of type str"),
        (b"\x80\x02ctorch\nfloat32\n)R.", "calls an object of type dtype"),
        (b"\x80\x02ccollections\nOrderedDict\n]R.", "calls collections.OrderedDict"),
        # BUILD on things that have no attributes, or hiding methods of a dict
        (b"\x80\x02}}b.", "sets attributes of an object of type dict"),
        (b"\x80\x02]}X\x01\x00\x00\x00aK\x01sb.", "sets attributes of an object of type list"),
        (
            b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb.",
            "the attribute 'items' of a dict",
        ),
        (
            b"\x80\x02ccollections\nOrderedDict\n)R}X\x09\x00\x00\x00__class__K\x01sb.",
            "the attribute '__class__'",
        ),
        # walking from a known name to others
        (
            b"\x80\x04\x8c\x05torch\x8c\x15Tensor.__subclasses__\x93)R.",
            "asks for the global torch.Tensor.__subclasses__",
        ),
        (
            b"\x80\x02ccollections\nOrderedDict.fromkeys\n)R.",
            "asks for the global collections.OrderedDict.fromkeys",
        ),
        # constructors with other arguments than data have
        (b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.", "a bytearray is made from bytes"),
        (
            b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00rot\x86R.",
            "bytes are encoded as latin1",
        ),
        (b"\x80\x02c__builtin__\ncomplex\nX\x01\x00\x00\x001\x85R.", "malformed near byte"),
        (b"\x80\x02ctorch\nSize\n]X\x01\x00\x00\x00aa\x85R.", "a Size is made from ints"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))\x89NtR.", "a tensor is made from a storage"),
        (b"\x80\x02ctorch._utils\n_rebuild_qtensor\n)R.", "holds a quantized tensor; dequantize"),
        (b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.", "only numbers and bools are read"),
        # structure
        (b"\x80\x02N", "Ran out of input"),
        (b"\x80\x09.", "unsupported pickle protocol: 9"),
        (b"\x80\x02t.", "no mark on the stack"),
        (b"\x80\x02NN.", "malformed near byte"),
        (b"\x80\x02.", "malformed near byte"),
        (b"\x80\x02(\x85.", "too few items for a tuple"),
        (b"\x80\x02(q\x00.", "a mark cannot be remembered"),
        (b"\x80\x02h\x07.", "KeyError"),
        (b"\x80\x02}(K\x01u.", "cannot set 1 keys and values"),
        (b"\x80\x02NK\x01a.", "cannot append to NoneType"),
        (b"\x80\x02}]Ns.", "unhashable dict key of type list"),
        (b"\x80\x04\x8f(]\x90.", "unhashable dict key of type list"),
        (b"Inot a number\n.", "ValueError"),
    ],
)
def test_malformed_and_hostile_structures(content, text):
    with pytest.raises((pickle.UnpicklingError, EOFError), match=text):
        read(content)


@pytest.mark.parametrize(
    "header",
    [
        b"\x80\x02X\xff\xff\xff\xff",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62),
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62),
        b"\x80\x05\x96" + struct.pack("<Q", 2**62),
        b"\x80\x02B\xff\xff\xff\xff",
        b"\x80\x02\x8b\xff\xff\xff\x7f",
        b"\x80\x02T\xff\xff\xff\x7f",
        b"\x80\x02T\xff\xff\xff\xff",
    ],
)
def test_promised_lengths_are_checked_before_memory_is_taken(header):
    with pytest.raises(EOFError, match=r"wants -?\d+ bytes at byte \d+, but the file ends at byte"):
        read(header + b"abc.")


def test_a_huge_memo_index_costs_nothing():
    assert read(b"\x80\x02K\x05r\xff\xff\xff\xff0j\xff\xff\xff\xff.") == 5


def test_a_long_decimal_number_is_refused():
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        read(b"I" + b"9" * 1_000_000 + b"\n.")


@pytest.mark.parametrize("code", [b"\x85", b"]\x85", b"}\x85"])
def test_deep_nesting_does_not_overflow(code):
    depth = 300_000
    nested = read(b"\x80\x02N" + b"\x85" * depth + b".")
    assert type(nested) is tuple
    del nested
    deep_lists = read(b"\x80\x02" + b"](" * depth + b"e" * depth + b".")
    assert type(deep_lists) is list


def test_deeply_nested_keys_are_refused():
    with pytest.raises(pickle.UnpicklingError, match="a dict key has more than 256 items"):
        read(b"\x80\x02}N" + b"\x85" * 300_000 + b"Ns.")


def test_keys_that_take_for_ever_to_hash_are_refused():
    doubled = b"N" + b"q\x00h\x00\x86" * 64
    with pytest.raises(pickle.UnpicklingError, match="a dict key has more than 256 items"):
        read(b"\x80\x02}" + doubled + b"Ns.")
    with pytest.raises(pickle.UnpicklingError, match="malformed"):
        read(b"\x80\x02c__builtin__\nset\n]" + doubled + b"a\x85R.")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_pickles_never_do_anything_else_than_fail(seed):
    """Single changed bytes: the result is data or one of the two errors."""
    content = pickle.dumps(
        {"a": [1, 2.5, "x"], "b": (None, b"y"), "c": {1, 2}, "d": collections.OrderedDict(z=1)}, 2 + seed
    )
    generator = np.random.default_rng(seed)
    outcomes = collections.Counter()
    for _ in range(1500):
        damaged = bytearray(content)
        for position in generator.integers(0, len(content), size=1 + seed):
            damaged[position] = generator.integers(0, 256)
        try:
            result = read(bytes(damaged))
        except (pickle.UnpicklingError, EOFError):
            outcomes["refused"] += 1
        else:
            assert type(result).__module__ in ("builtins", "collections")
            assert not callable(result)
            outcomes["read"] += 1
    assert outcomes["refused"] > 0
    assert outcomes["read"] > 0
