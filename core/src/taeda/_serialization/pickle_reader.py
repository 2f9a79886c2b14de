"""A reader for the pickle format that builds data and never calls anything a file names.

Names in a pickle ("globals") are looked up in a fixed table of this package, not imported. Where Python's own
unpickler would call an object from the file, this one calls a constructor from that table, or refuses.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any

__all__ = ["Constructor", "PickleReader", "UnknownGlobal"]

# A decimal text this long is no number that a checkpoint holds, and converting it takes quadratic time.
LONGEST_DECIMAL = 4300
# A dict key or set item may hold this many items in all.
LARGEST_KEY = 256


class Constructor:
    """A callable that a pickle may name.

    Args:
        name: what the pickle calls it.
        build: called with the pickle's arguments.
        set_state: called with (object, state) for a BUILD after it; None refuses that.
        new: called instead of `build` where the pickle only wants the object and sets its state later.
    """

    def __init__(
        self,
        name: str,
        build: Callable[..., Any],
        set_state: Callable[[Any, Any], None] | None = None,
        new: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.build = build
        self.set_state = set_state
        self.new = new or build


class UnknownGlobal(pickle.UnpicklingError):
    """A name that is not in the table."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"load: the file asks for the global {name}, which is not among the known kinds of data; "
            "nothing of it was "
            "executed. taeda.load reads tensors and plain containers only. If the file is one of yours, "
            "save a "
            "state_dict() instead of whole objects, or list a class you trust with "
            "taeda.serialization.add_safe_globals; if it is from elsewhere, it may be an attack"
        )


class _Mark:
    """Separates the items of a collection on the stack."""


_MARK = _Mark()


class PickleReader:
    """Reads one pickle from a file.

    Args:
        file: positioned at the pickle; seekable.
        find_global: from "module.name" to a `Constructor` or a value; raises `UnknownGlobal`.
        load_persistent: from a persistent id (a tuple) to the object it stands for.
        encoding: of Python 2 byte strings.

    Raises:
        pickle.UnpicklingError: a name, opcode or structure that is not allowed.
        EOFError: the pickle ends early.
    """

    def __init__(
        self,
        file: IO[bytes],
        find_global: Callable[[str], Any],
        load_persistent: Callable[[Any], Any],
        encoding: str = "utf-8",
    ) -> None:
        self._file = file
        self._find_global = find_global
        self._load_persistent = load_persistent
        self._encoding = encoding
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._built: dict[int, tuple[Any, Callable[[Any, Any], None]]] = {}
        position = file.tell()
        self._end = file.seek(0, 2)
        file.seek(position)

    def load(self) -> Any:
        """The object."""
        operations = _OPERATIONS
        read = self._file.read
        try:
            while (code := read(1)) != b".":
                if not code:
                    raise EOFError(
                        "load: Ran out of input: the pickle inside the file ends early; it is truncated"
                    )
                operation = operations.get(code[0])
                if operation is None:
                    raise pickle.UnpicklingError(
                        f"load: the pickle has the opcode {_opcode_name(code)}, which data files do not need"
                    )
                operation(self)
            (value,) = self._stack
        except (
            IndexError,
            KeyError,
            ValueError,
            TypeError,
            struct.error,
            OverflowError,
        ) as error:
            raise pickle.UnpicklingError(
                f"load: the pickle inside the file is malformed near byte {self._file.tell()} "
                f"({type(error).__name__}: {error})"
            ) from error
        return value

    # -- reading
    # -----------------------------------------------------------------------------------------------

    def _read(self, count: int) -> bytes:
        """Exactly `count` bytes; checked against the file's size first, so that no count can exhaust
        memory."""
        if count < 0 or count > self._end - self._file.tell():
            raise EOFError(
                f"load: the pickle inside the file wants {count} bytes at byte {self._file.tell()}, "
                f"but the file ends at byte {self._end}; it is truncated or corrupt"
            )
        return self._file.read(count)

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("load: the pickle inside the file has a text line without end; it is truncated")
        return line[:-1]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._read(struct.calcsize(form)))[0]

    # -- the stack
    # ---------------------------------------------------------------------------------------------

    def _since_mark(self) -> list[Any]:
        stack = self._stack
        position = len(stack) - 1
        while position >= 0 and stack[position] is not _MARK:
            position -= 1
        if position < 0:
            raise ValueError("no mark on the stack")
        items = stack[position + 1 :]
        del stack[position:]
        return items

    def _remember(self, index: int) -> None:
        if self._stack[-1] is _MARK:
            raise ValueError("a mark cannot be remembered")
        self._memo[index] = self._stack[-1]

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError(f"cannot set {len(items)} keys and values on {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2]):
            target[_checked_key(key)] = value

    def _append_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise ValueError(f"cannot append to {type(target).__name__}")
        target.extend(items)

    def _add_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not set:
            raise ValueError(f"cannot add to {type(target).__name__}")
        target.update(_checked_key(item) for item in items)

    def _text(self, raw: bytes) -> Any:
        if self._encoding == "bytes":
            return raw
        return raw.decode(self._encoding)

    # -- objects
    # -----------------------------------------------------------------------------------------------

    def _push_global(self, module: str, name: str) -> None:
        self._stack.append(self._find_global(f"{module}.{name}"))

    def _call(self, is_new: bool = False) -> None:
        arguments = self._stack.pop()
        constructor = self._stack.pop()
        if not isinstance(constructor, Constructor) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError(
                f"load: the pickle calls {_short(constructor)}, which is data and not a known constructor"
            )
        value = (constructor.new if is_new else constructor.build)(*arguments)
        if constructor.set_state is not None:
            # The object is kept beside its identity, so that the identity stays its own.
            self._built[id(value)] = (value, constructor.set_state)
        self._stack.append(value)

    def _build(self) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        _, set_state = self._built.get(id(target), (None, None))
        if set_state is None:
            raise pickle.UnpicklingError(
                f"load: the pickle sets attributes of {_short(target)}; only containers may have any"
            )
        set_state(target, state)

    def _persistent(self, identifier: Any) -> None:
        self._stack.append(self._load_persistent(identifier))


def _short(value: Any) -> str:
    """A description that is safe for any object a hostile file can build."""
    return value.name if isinstance(value, Constructor) else f"an object of type {type(value).__name__}"


def _checked_key(key: Any) -> Any:
    """Only small immutable keys.

    Hashing a tuple that is nested a million deep would overflow the C stack, and hashing one whose items are
    the same tuple over and over would take for ever.
    """
    if type(key) in (tuple, frozenset):
        pending, seen = [key], 0
        while pending:
            items = pending.pop()
            seen += len(items)
            if seen > LARGEST_KEY:
                raise ValueError(f"a dict key has more than {LARGEST_KEY} items")
            pending.extend(item for item in items if type(item) in (tuple, frozenset))
    if type(key).__hash__ is None:
        raise TypeError(f"unhashable dict key of type {type(key).__name__}")
    return key


def _decimal(text: bytes) -> int:
    if len(text) > LONGEST_DECIMAL:
        raise ValueError("a decimal number is too long")
    return int(text)


def _opcode_name(code: bytes) -> str:
    import pickletools

    known = pickletools.code2op.get(code.decode("latin-1"))  # type: ignore[attr-defined]
    return known.name if known is not None else repr(code)


# -- operations: one function per opcode
# -----------------------------------------------------------------------


def _push(value: Callable[[PickleReader], Any]) -> Callable[[PickleReader], None]:
    return lambda reader: reader._stack.append(value(reader))


def _protocol(reader: PickleReader) -> None:
    version = reader._read(1)[0]
    if version > 5:
        raise pickle.UnpicklingError(f"load: unsupported pickle protocol: {version}; the newest known is 5")


def _frame(reader: PickleReader) -> None:
    reader._number("<Q")


def _int_line(reader: PickleReader) -> Any:
    text = reader._line()
    return text == b"01" if text in (b"00", b"01") else _decimal(text)


def _quoted_text(reader: PickleReader) -> Any:
    text = reader._line()
    if len(text) < 2 or text[0] != text[-1] or text[:1] not in (b'"', b"'"):
        raise ValueError("a string has no quotes")
    import codecs

    return reader._text(codecs.escape_decode(text[1:-1])[0])


def _unicode(reader: PickleReader, length: str) -> str:
    return reader._read(reader._number(length)).decode("utf-8", "surrogatepass")


def _pop(reader: PickleReader) -> None:
    reader._stack.pop()


def _duplicate(reader: PickleReader) -> None:
    reader._stack.append(reader._stack[-1])


def _mark(reader: PickleReader) -> None:
    reader._stack.append(_MARK)


def _pop_mark(reader: PickleReader) -> None:
    reader._since_mark()


def _tuple_of(count: int) -> Callable[[PickleReader], None]:
    def operation(reader: PickleReader) -> None:
        items = tuple(reader._stack[-count:])
        if len(items) != count or any(item is _MARK for item in items):
            raise ValueError("too few items for a tuple")
        reader._stack[-count:] = [items]

    return operation


def _dict_of_marked(reader: PickleReader) -> None:
    items = reader._since_mark()
    reader._stack.append({})
    reader._set_items(items)


def _set_item(reader: PickleReader) -> None:
    value = reader._stack.pop()
    key = reader._stack.pop()
    reader._set_items([key, value])


def _append(reader: PickleReader) -> None:
    reader._append_items([reader._stack.pop()])


def _frozenset(reader: PickleReader) -> Any:
    return frozenset(_checked_key(item) for item in reader._since_mark())


def _global(reader: PickleReader) -> None:
    reader._push_global(reader._line().decode("utf-8"), reader._line().decode("utf-8"))


def _stack_global(reader: PickleReader) -> None:
    name = reader._stack.pop()
    module = reader._stack.pop()
    if type(name) is not str or type(module) is not str:
        raise ValueError("a global's name is not a text")
    reader._push_global(module, name)


def _memoize(reader: PickleReader) -> None:
    reader._remember(len(reader._memo))


_OPERATIONS: dict[int, Callable[[PickleReader], None]] = {
    code[0]: operation
    for code, operation in {
        pickle.PROTO: _protocol,
        pickle.FRAME: _frame,
        pickle.MARK: _mark,
        pickle.POP: _pop,
        pickle.POP_MARK: _pop_mark,
        pickle.DUP: _duplicate,
        pickle.NONE: _push(lambda reader: None),
        pickle.NEWTRUE: _push(lambda reader: True),
        pickle.NEWFALSE: _push(lambda reader: False),
        pickle.INT: _push(_int_line),
        pickle.BININT: _push(lambda reader: reader._number("<i")),
        pickle.BININT1: _push(lambda reader: reader._number("<B")),
        pickle.BININT2: _push(lambda reader: reader._number("<H")),
        pickle.LONG: _push(lambda reader: _decimal(reader._line().rstrip(b"L"))),
        pickle.LONG1: _push(lambda reader: pickle.decode_long(reader._read(reader._number("<B")))),
        pickle.LONG4: _push(lambda reader: pickle.decode_long(reader._read(reader._number("<i")))),
        pickle.FLOAT: _push(lambda reader: float(reader._line())),
        pickle.BINFLOAT: _push(lambda reader: reader._number(">d")),
        pickle.STRING: _push(_quoted_text),
        pickle.BINSTRING: _push(lambda reader: reader._text(reader._read(reader._number("<i")))),
        pickle.SHORT_BINSTRING: _push(lambda reader: reader._text(reader._read(reader._number("<B")))),
        pickle.UNICODE: _push(lambda reader: reader._line().decode("raw-unicode-escape")),
        pickle.BINUNICODE: _push(lambda reader: _unicode(reader, "<I")),
        pickle.SHORT_BINUNICODE: _push(lambda reader: _unicode(reader, "<B")),
        pickle.BINUNICODE8: _push(lambda reader: _unicode(reader, "<Q")),
        pickle.BINBYTES: _push(lambda reader: reader._read(reader._number("<I"))),
        pickle.SHORT_BINBYTES: _push(lambda reader: reader._read(reader._number("<B"))),
        pickle.BINBYTES8: _push(lambda reader: reader._read(reader._number("<Q"))),
        pickle.BYTEARRAY8: _push(lambda reader: bytearray(reader._read(reader._number("<Q")))),
        pickle.EMPTY_LIST: _push(lambda reader: []),
        pickle.EMPTY_TUPLE: _push(lambda reader: ()),
        pickle.EMPTY_DICT: _push(lambda reader: {}),
        pickle.EMPTY_SET: _push(lambda reader: set()),
        pickle.LIST: _push(lambda reader: reader._since_mark()),
        pickle.DICT: _dict_of_marked,
        pickle.TUPLE: _push(lambda reader: tuple(reader._since_mark())),
        pickle.TUPLE1: _tuple_of(1),
        pickle.TUPLE2: _tuple_of(2),
        pickle.TUPLE3: _tuple_of(3),
        pickle.APPEND: _append,
        pickle.APPENDS: lambda reader: reader._append_items(reader._since_mark()),
        pickle.SETITEM: _set_item,
        pickle.SETITEMS: lambda reader: reader._set_items(reader._since_mark()),
        pickle.ADDITEMS: lambda reader: reader._add_items(reader._since_mark()),
        pickle.FROZENSET: _push(_frozenset),
        pickle.GET: _push(lambda reader: reader._memo[_decimal(reader._line())]),
        pickle.BINGET: _push(lambda reader: reader._memo[reader._number("<B")]),
        pickle.LONG_BINGET: _push(lambda reader: reader._memo[reader._number("<I")]),
        pickle.PUT: lambda reader: reader._remember(_decimal(reader._line())),
        pickle.BINPUT: lambda reader: reader._remember(reader._number("<B")),
        pickle.LONG_BINPUT: lambda reader: reader._remember(reader._number("<I")),
        pickle.MEMOIZE: _memoize,
        pickle.GLOBAL: _global,
        pickle.STACK_GLOBAL: _stack_global,
        pickle.REDUCE: lambda reader: reader._call(),
        pickle.NEWOBJ: lambda reader: reader._call(is_new=True),
        pickle.BUILD: lambda reader: reader._build(),
        pickle.PERSID: lambda reader: reader._persistent(reader._line().decode("utf-8")),
        pickle.BINPERSID: lambda reader: reader._persistent(reader._stack.pop()),
    }.items()
}


def set_ordered_dict_state(target: Any, state: Any) -> None:
    """Sets plain attributes of an `OrderedDict` (a state dict's `_metadata`), never ones that hide
    methods."""
    if not isinstance(target, OrderedDict) or type(state) is not dict:
        raise pickle.UnpicklingError(
            f"load: the pickle sets attributes of {_short(target)} from {_short(state)}"
        )
    for key, value in state.items():
        if type(key) is not str or hasattr(OrderedDict, key):
            raise pickle.UnpicklingError(
                f"load: the pickle sets the attribute {key!r} of a dict, which is not data"
            )
        target.__dict__[key] = value
