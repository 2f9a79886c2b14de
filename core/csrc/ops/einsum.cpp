// Einstein's notation, contracted pair by pair from the left through batched matrix products.
#include "native.h"

namespace taeda::native {

namespace {

constexpr int kEllipsis = 52;  // labels: a-z 0-25, A-Z 26-51, then one per dimension of '...'
constexpr int kLabels = 52 + 64;

int label_of(char c, const std::string& equation) {
    if (c >= 'a' && c <= 'z') return c - 'a';
    if (c >= 'A' && c <= 'Z') return c - 'A' + 26;
    raise("einsum(): invalid subscript given: '", std::string(1, c), "' in the equation '", equation,
          "'; subscripts must be in [a-zA-Z]");
}

struct Term {
    std::vector<int> labels;  // -1 marks the place of '...'
};

Term parse_term(const std::string& text, const std::string& equation) {
    Term term;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ') continue;
        if (text[i] == '.') {
            TAEDA_CHECK(text.substr(i, 3) == "...", "einsum(): found '.' that is not part of any ellipsis in '",
                        equation, "'");
            term.labels.push_back(-1);
            i += 2;
        } else {
            term.labels.push_back(label_of(text[i], equation));
        }
    }
    return term;
}

struct Equation {
    std::vector<Term> inputs;
    Term output;
    bool explicit_output = false;
};

Equation parse_equation(const std::string& text, size_t operands) {
    Equation eq;
    size_t arrow = text.find("->");
    std::string left = text.substr(0, arrow);
    for (size_t at = 0;;) {
        size_t comma = left.find(',', at);
        eq.inputs.push_back(parse_term(left.substr(at, comma == std::string::npos ? comma : comma - at), text));
        if (comma == std::string::npos) break;
        at = comma + 1;
    }
    if (arrow != std::string::npos) {
        eq.explicit_output = true;
        eq.output = parse_term(text.substr(arrow + 2), text);
    }
    TAEDA_CHECK(eq.inputs.size() == operands, "einsum(): ", eq.inputs.size() > operands ? "fewer" : "more",
                " operands were provided (", operands, ") than specified in the equation '", text, "'");
    return eq;
}

// An operand whose dimensions carry distinct labels.
struct Labelled {
    Tensor tensor;
    std::vector<int> labels;
};

// Replaces '...' by labels and takes diagonals of repeated ones.
Labelled label_operand(const Tensor& t, const Term& term, int64_t widest, const std::string& equation) {
    int64_t named = 0;
    bool ellipsis = false;
    for (int l : term.labels) l < 0 ? void(ellipsis = true) : void(++named);
    int64_t hidden = t.dim() - named;
    TAEDA_CHECK(ellipsis ? hidden >= 0 : hidden == 0, "einsum(): the number of subscripts in the equation '", equation,
                "' (", named, ") does not match the number of dimensions (", t.dim(), ") for operand of shape ",
                t.sizes());
    Labelled result{t, {}};
    for (int l : term.labels) {
        if (l >= 0) result.labels.push_back(l);
        else
            for (int64_t i = 0; i < hidden; ++i) result.labels.push_back(int(kEllipsis + widest - hidden + i));
    }
    for (size_t i = 0; i < result.labels.size(); ++i) {
        for (size_t j = i + 1; j < result.labels.size();) {
            if (result.labels[i] != result.labels[j]) {
                ++j;
                continue;
            }
            TAEDA_CHECK(result.tensor.sizes()[i] == result.tensor.sizes()[j],
                        "einsum(): subscript is repeated for an operand but the sizes don't match: ",
                        result.tensor.sizes()[i], " != ", result.tensor.sizes()[j]);
            result.tensor =
                ops::movedim(ops::diagonal(result.tensor, 0, int64_t(i), int64_t(j)), Ints{-1}, Ints{int64_t(i)});
            result.labels.erase(result.labels.begin() + int64_t(j));
        }
    }
    return result;
}

int64_t position(const std::vector<int>& labels, int label) {
    auto found = std::find(labels.begin(), labels.end(), label);
    return found == labels.end() ? -1 : found - labels.begin();
}

int64_t size_of(const Labelled& t, int label) {
    int64_t at = position(t.labels, label);
    return at < 0 ? 1 : t.tensor.sizes()[size_t(at)];
}

void sum_out(Labelled& t, const std::vector<bool>& keep) {
    Dims dims;
    std::vector<int> labels;
    for (size_t i = 0; i < t.labels.size(); ++i) {
        if (keep[size_t(t.labels[i])]) labels.push_back(t.labels[i]);
        else dims.push_back(int64_t(i));
    }
    if (!dims.empty()) t = {ops::sum(t.tensor, Ints(dims), false), labels};
}

// t with exactly these labels as dimensions, size 1 where it has none, flattened in groups.
Tensor arranged(const Labelled& t, std::initializer_list<std::vector<int>> groups, std::initializer_list<bool> expand,
                const Labelled& other) {
    Dims order, sizes;
    auto expanded = expand.begin();
    Dims full;
    for (const auto& group : groups) {
        int64_t flat = 1;
        for (int label : group) {
            int64_t size = *expanded ? std::max(size_of(t, label), size_of(other, label)) : size_of(t, label);
            if (size_of(t, label) == 0 || size_of(other, label) == 0) size = *expanded ? 0 : size_of(t, label);
            flat *= size;
            full.push_back(size);
            if (position(t.labels, label) >= 0) order.push_back(position(t.labels, label));
        }
        sizes.push_back(flat);
        ++expanded;
    }
    Tensor u = ops::permute(t.tensor, order);
    Dims present;
    for (const auto& group : groups)
        for (int label : group) present.push_back(size_of(t, label));
    return ops::reshape(ops::expand(ops::reshape(u, present), full), sizes);
}

Labelled contract(Labelled a, Labelled b, const std::vector<bool>& keep) {
    std::vector<int> batch, left, right, inner;
    std::vector<bool> in_a(kLabels), in_b(kLabels);
    for (int l : a.labels) in_a[size_t(l)] = true;
    for (int l : b.labels) in_b[size_t(l)] = true;
    std::vector<bool> wanted_a(kLabels), wanted_b(kLabels);
    for (size_t l = 0; l < size_t(kLabels); ++l) {
        wanted_a[l] = keep[l] || in_b[l];
        wanted_b[l] = keep[l] || in_a[l];
    }
    sum_out(a, wanted_a);
    sum_out(b, wanted_b);
    for (int l = 0; l < kLabels; ++l) {
        bool x = position(a.labels, l) >= 0, y = position(b.labels, l) >= 0;
        if (x && y) (keep[size_t(l)] ? batch : inner).push_back(l);
        else if (x) left.push_back(l);
        else if (y) right.push_back(l);
    }
    Tensor x = arranged(a, {batch, left, inner}, {true, false, true}, b);
    Tensor y = arranged(b, {batch, inner, right}, {true, true, false}, a);
    Tensor product = x.size(2) == 1 && inner.empty() ? x * y : ops::bmm(x, y);
    Dims sizes;
    std::vector<int> labels;
    for (const auto* group : {&batch, &left, &right})
        for (int l : *group) {
            labels.push_back(l);
            int64_t s = size_of(a, l), t = size_of(b, l);
            sizes.push_back(s == 0 || t == 0 ? 0 : std::max(s, t));
        }
    return {ops::reshape(product, sizes), labels};
}

}  // namespace

Tensor einsum(const std::string& equation, TensorList operands) {
    TAEDA_CHECK(!operands.empty(), "einsum(): must provide at least one operand");
    Equation eq = parse_equation(equation, operands.size());
    int64_t widest = 0;
    for (size_t i = 0; i < operands.size(); ++i) {
        int64_t named = 0, ellipses = 0;
        for (int l : eq.inputs[i].labels) l < 0 ? void(++ellipses) : void(++named);
        TAEDA_CHECK(ellipses <= 1, "einsum(): found '.' for operand ", i, " for which an ellipsis was already found");
        if (ellipses) widest = std::max(widest, operands[i].dim() - named);
    }
    std::vector<Labelled> terms;
    std::vector<int> count(kLabels);
    std::vector<int64_t> sizes(kLabels, 1);
    for (size_t i = 0; i < operands.size(); ++i) {
        terms.push_back(label_operand(operands[i], eq.inputs[i], widest, equation));
        for (int l : terms.back().labels) {
            ++count[size_t(l)];
            int64_t size = size_of(terms.back(), l);
            int64_t& known = sizes[size_t(l)];
            TAEDA_CHECK(known == 1 || size == 1 || known == size,
                        "einsum(): operands do not broadcast with remapped shapes: sizes ", known, " and ", size,
                        " of one subscript in '", equation, "'");
            if (size != 1) known = size;
        }
        for (int l : eq.inputs[i].labels)
            if (l >= 0 && position(terms.back().labels, l) >= 0 &&
                std::count(eq.inputs[i].labels.begin(), eq.inputs[i].labels.end(), l) > 1)
                ++count[size_t(l)];
    }
    std::vector<int> output;
    for (int64_t i = 0; i < widest && !eq.explicit_output; ++i) output.push_back(int(kEllipsis + i));
    if (eq.explicit_output) {
        for (int l : eq.output.labels) {
            if (l < 0)
                for (int64_t i = 0; i < widest; ++i) output.push_back(int(kEllipsis + i));
            else {
                TAEDA_CHECK(count[size_t(l)] > 0, "einsum(): output subscript ",
                            l < 26 ? std::string(1, char('a' + l)) : std::string(1, char('A' + l - 26)),
                            " does not appear in the equation for any input operand: '", equation, "'");
                TAEDA_CHECK(position(output, l) < 0, "einsum(): output subscript appears more than once in '", equation,
                            "'");
                output.push_back(l);
            }
        }
    } else {
        for (char c = 'A'; c <= 'Z'; ++c)
            if (count[size_t(c - 'A' + 26)] == 1) output.push_back(c - 'A' + 26);
        for (char c = 'a'; c <= 'z'; ++c)
            if (count[size_t(c - 'a')] == 1) output.push_back(c - 'a');
    }
    Labelled result = terms[0];
    for (size_t i = 1; i < terms.size(); ++i) {
        std::vector<bool> keep(kLabels);
        for (int l : output) keep[size_t(l)] = true;
        for (size_t j = i + 1; j < terms.size(); ++j)
            for (int l : terms[j].labels) keep[size_t(l)] = true;
        result = contract(result, terms[i], keep);
    }
    std::vector<bool> keep(kLabels);
    for (int l : output) keep[size_t(l)] = true;
    sum_out(result, keep);
    Dims order;
    for (int l : output) order.push_back(position(result.labels, l));
    return ops::permute(result.tensor, order);
}

}  // namespace taeda::native
