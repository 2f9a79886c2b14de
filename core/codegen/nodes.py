"""Autograd nodes: which values a derivative names, is what its node saves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalogue.families import Op
from catalogue.schema import Argument
from codegen.text import camel, words

_FACTS = {"sizes": "Dims", "strides": "Dims", "offset": "int64_t", "dtype": "DType", "meta": "GradientMeta"}


@dataclass(frozen=True)
class Saved:
    """One member of a node."""

    name: str  # as the derivative says it
    cpp: str  # type of the member
    source: str  # expression that fills it, at the end of the forward call
    users: tuple[int, ...]  # positions in `Derivatives.formulas` that need it
    is_tensor: bool = False
    is_list: bool = False
    is_output: bool = False


class Derivatives:
    """What the node of one operator looks like."""

    def __init__(self, op: Op, unique: str):
        self.op, self.schema = op, op.schema
        self.class_name = f"{camel(unique.rstrip('_'))}{'InPlace' if unique.endswith('_') else ''}Backward"
        self.formulas = [([k.strip() for k in keys.split(",")], text) for keys, text in op.vjp.items()]
        by_name = {a.name: a for a in self.schema.arguments}
        for keys, _ in self.formulas:
            for key in keys:
                if key not in by_name or not (by_name[key].is_tensor or by_name[key].is_tensor_list):
                    raise ValueError(f"{op.name}: vjp for {key!r}, which is no tensor argument")
        self.inputs = [a for a in self.schema.arguments if any(a.name in keys for keys, _ in self.formulas)]
        self.saved = list(self._find_saved())

    def _users(self, word: str) -> tuple[int, ...]:
        return tuple(i for i, (_, text) in enumerate(self.formulas) if word in words(text))

    def _find_saved(self) -> list[Saved]:
        found = []
        for a in self.schema.arguments:
            if users := self._users(a.name):
                found.append(self._saved_argument(a, users))
            for fact, cpp in _FACTS.items():
                word = f"{a.name}_{fact}"
                if users := self._users(word):
                    if a.is_tensor_list:
                        found.append(Saved(word, f"std::vector<{cpp}>", f"list_{fact}({a.name})", users))
                    else:
                        found.append(Saved(word, cpp, f"fact_{fact}({a.name})", users))
        names = ["result"] if self.schema.returns != "tuple" else [f"result{i}" for i in range(9)]
        for i, word in enumerate(names):
            if users := self._users(word):
                source = "result" if word == "result" else f"std::get<{i}>(result)"
                found.append(Saved(word, "SavedTensor", source, users, is_tensor=True, is_output=True))
        return found

    def _saved_argument(self, a: Argument, users: tuple[int, ...]) -> Saved:
        if a.is_tensor_list:
            return Saved(a.name, "std::vector<SavedTensor>", f"save_list({a.name})", users, is_list=True)
        if a.is_tensor:
            return Saved(a.name, "SavedTensor", a.name, users, is_tensor=True)
        return Saved(a.name, a.owned, a.name, users)

    # -- C++ -----------------------------------------------------------------------------------------------------

    def declaration(self) -> str:
        """The node's class."""
        members = "".join(f"    {s.cpp} {s.name}_;\n" for s in self.saved)
        counts = "".join(f"    size_t {a.name}_count = 0;\n" for a in self.inputs if a.is_tensor_list)
        name = f"{self.class_name}0"
        release = "".join(
            f"        {s.name}_.release();\n"
            if s.is_tensor
            else f"        for (SavedTensor& t : {s.name}_) t.release();\n"
            for s in self.saved
            if s.is_tensor or s.is_list
        )
        return (
            f"struct {self.class_name} : Node {{\n{members}{counts}"
            f'    const char* name() const override {{ return "{name}"; }}\n'
            f"    Tensors apply(Tensors grads) override;\n"
            f"    void release() override {{\n{release}    }}\n}};\n"
        )

    def _offset(self, key: str) -> str:
        parts, offset = [], 0
        for a in self.inputs:
            if a.name == key:
                break
            if a.is_tensor_list:
                parts.append(f"{a.name}_count")
            else:
                offset += 1
        return " + ".join([str(offset), *parts])

    def _wanted(self, keys: list[str]) -> str:
        conditions = []
        for key in keys:
            a = next(a for a in self.inputs if a.name == key)
            start = self._offset(key)
            conditions.append(f"wants_any({start}, {key}_count)" if a.is_tensor_list else f"wants({start})")
        return " || ".join(conditions)

    @staticmethod
    def _filled(text: str, used: set[str]) -> str:
        """Zeros for the gradients that did not arrive, if the formulas name them."""
        if "grads" not in used:
            return "    fill_undefined(grads, *this, {0});" if "grad" in used else ""
        named = sorted(set(re.findall(r"\bgrads\[(\d+)\]", text)), key=int)
        if len(re.findall(r"\bgrads\b", text)) > len(re.findall(r"\bgrads\[\d+\]", text)):
            return "    fill_undefined(grads, *this);"
        return f"    fill_undefined(grads, *this, {{{', '.join(named)}}});"

    def definition(self) -> str:
        """apply(): one branch per formula."""
        lines = [f"Tensors {self.class_name}::apply(Tensors grads) {{"]
        text = " ".join(t for _, t in self.formulas)
        used = words(text)
        lines.append("    Tensors out(edges.size());")
        if self.schema.returns == "tuple":
            lines.append(self._filled(text, used))
        elif self.schema.returns == "Tensor[]":
            lines.append("    fill_undefined(grads, *this);")
        if "grad" in used:
            lines.append("    const Tensor grad = grads[0];")
        if any(a.is_tensor_list for a in self.inputs) or self.op.vjp:
            lines.append(
                "    auto wants_any = [&](size_t from, size_t count) {\n"
                "        for (size_t i = from; i < from + count; ++i)\n"
                "            if (wants(i)) return true;\n"
                "        return false;\n    };\n    (void)wants_any;"
            )
        for i, (keys, formula) in enumerate(self.formulas):
            lines += self._branch(i, keys, formula)
        lines.append("    return out;\n}\n")
        return "\n".join(line for line in lines if line)

    def _branch(self, number: int, keys: list[str], formula: str) -> list[str]:
        lines = [f"    if ({self._wanted(keys)}) {{"]
        for s in self.saved:
            if number not in s.users:
                continue
            if s.is_tensor:
                lines.append(f"        const Tensor {s.name} = {s.name}_.unpack(*this);")
            elif s.is_list:
                lines.append(f"        const Tensors {s.name} = unpack_list({s.name}_, *this);")
            else:
                lines.append(f"        const auto& {s.name} = {s.name}_;")
        starts = ", ".join(self._offset(k) for k in keys)
        if len(keys) == 1 and next(a for a in self.inputs if a.name == keys[0]).is_tensor_list:
            lines.append(f"        put_list(out, {starts}, {formula});")
        elif len(keys) == 1:
            lines.append(f"        out[{starts}] = {formula};")
        else:
            wanted = ", ".join(self._wanted([k]) for k in keys)
            if "needs" in words(formula):
                lines.append(f"        const std::array<bool, {len(keys)}> needs{{{wanted}}};")
            lines.append(f"        put_results(out, {{{starts}}}, {formula});")
        lines.append("    }")
        return lines

    def record(self, outputs: str) -> list[str]:
        """Statements that make the node after (or, in place, around) the forward call."""
        lines = [f"auto* node = new {self.class_name};", "Ref<Node> holder(node);"]
        for a in self.inputs:
            if a.is_tensor_list:
                lines.append(f"node->{a.name}_count = {a.name}.size();")
                lines.append(f"for (const Tensor& t : {a.name}) node->edges.push_back(gradient_edge(t));")
            else:
                lines.append(f"node->edges.push_back(gradient_edge({a.name}));")
        return lines

    def save_inputs(self, mutated: str = "") -> list[str]:
        """Statements that keep what backward needs of the arguments."""
        lines = []
        for s in self.saved:
            if s.is_output:
                continue
            source = s.source
            if s.is_tensor:
                if s.name == mutated:
                    source = f"ops::clone({source})"
                source = f"SavedTensor({source}, false)"
            lines.append(self._guarded(s, f"node->{s.name}_ = {source};"))
        return lines

    def save_outputs(self) -> list[str]:
        """Statements that keep what backward needs of the results."""
        return [
            self._guarded(s, f"node->{s.name}_ = SavedTensor({s.source}, true);")
            for s in self.saved
            if s.is_output
        ]

    def _guarded(self, s: Saved, statement: str) -> str:
        """Tensors are kept only if a gradient that needs them is wanted."""
        if not s.is_tensor or len(s.users) == len(self.formulas):
            return statement
        keys = [k for i in s.users for k in self.formulas[i][0]]
        if any(next(a for a in self.inputs if a.name == k).is_tensor_list for k in keys):
            return statement
        simple = " || ".join(f"node->wants({self._offset(k)})" for k in keys)
        return statement if "count" in simple else f"if ({simple}) {statement}"
