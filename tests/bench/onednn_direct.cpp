// Times oneDNN's primitives called directly, and the machine's arithmetic peak. Spoken to by onednn_direct.py.
//
// One request a line on stdin, one answer a line on stdout:
//   matmul f32|bf16 M K N                                                   -> ok IMPLEMENTATION
//   conv forward|backward bare|plain|last N C H W K kernel stride padding groups -> ok IMPLEMENTATIONS
//   peak f32                                                                -> ok fma
//   time SECONDS   runs what was last prepared for about that long          -> seconds of one run
//
// oneDNN chooses every layout. "bare": operands and results lie in these layouts. "plain": activations enter and leave
// in (N, C, H, W) and weights in (K, C / groups, kernel, kernel), reordered by every run. "last": the same, but that
// activations lie as (N, H, W, C), and the primitives take and give them so.
#include <omp.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <dnnl.hpp>

namespace {

using dnnl::memory;
using Desc = memory::desc;
using Tag = memory::format_tag;
using Type = memory::data_type;
using Task = std::function<void()>;

const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
dnnl::stream stream(engine);

// Memory of a layout, filled with small numbers.
memory filled(const Desc& layout) {
    memory result(layout, engine);
    if (layout.get_data_type() == Type::f32) {
        auto* values = static_cast<float*>(result.get_data_handle());
        const size_t count = layout.get_size() / sizeof(float);
        for (size_t i = 0; i < count; ++i) values[i] = float(int(i * 2654435761u >> 24) - 128) / 128;
    } else {
        memory wide = filled(Desc(layout.get_dims(), Type::f32, layout.get_strides()));
        dnnl::reorder(wide, result).execute(stream, wide, result);
    }
    return result;
}

// An operand outside and inside of a primitive; `bare` ones exist inside only.
struct Operand {
    memory outside, inside;
    Task enter, leave;

    Operand(const Desc& plain, const Desc& chosen, bool bare) {
        if (bare || plain == chosen) {
            outside = inside = plain == chosen ? filled(plain) : memory(chosen, engine);
            if (plain == chosen) return;
            memory start = filled(plain);
            dnnl::reorder(start, inside).execute(stream, start, inside);
            return;
        }
        outside = filled(plain), inside = memory(chosen, engine);
        dnnl::reorder in(outside, inside), out(inside, outside);
        enter = [in, from = outside, to = inside]() mutable { in.execute(stream, from, to); };
        leave = [out, from = inside, to = outside]() mutable { out.execute(stream, from, to); };
    }
};

void call(const Task& task) {
    if (task) task();
}

struct Prepared {
    Task task;
    std::string implementation;
};

template <class Primitive, class PrimitiveDesc>
Task run_of(const PrimitiveDesc& desc, std::unordered_map<int, memory> arguments) {
    arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(desc.scratchpad_desc(), engine));
    return [primitive = Primitive(desc), arguments]() mutable { primitive.execute(stream, arguments); };
}

dnnl::primitive_attr own_scratchpad() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
}

Prepared prepare_matmul(std::istream& request) {
    std::string type;
    int64_t M, K, N;
    request >> type >> M >> K >> N;
    const Type t = type == "bf16" ? Type::bf16 : Type::f32;
    Desc a({M, K}, t, Tag::ab), b({K, N}, t, Tag::ab), c({M, N}, t, Tag::ab);
    dnnl::matmul::primitive_desc desc(engine, a, b, c, own_scratchpad());
    return {run_of<dnnl::matmul>(desc,
                                 {{DNNL_ARG_SRC, filled(a)}, {DNNL_ARG_WEIGHTS, filled(b)}, {DNNL_ARG_DST, filled(c)}}),
            desc.impl_info_str()};
}

struct Convolution {
    memory::dims x, w, out, stride, padding;
    const bool bare, last;
    // Outside of the primitives, and inside.
    Desc plain(const memory::dims& sizes) const {
        return Desc(sizes, Type::f32, sizes.size() == 5 ? Tag::abcde : last && &sizes != &w ? Tag::acdb : Tag::abcd);
    }
    Desc any(const memory::dims& sizes) const {
        return Desc(sizes, Type::f32, last && &sizes != &w ? Tag::acdb : Tag::any);
    }

    Convolution(const std::string& variant, std::istream& request) : bare(variant == "bare"), last(variant == "last") {
        int64_t N, C, H, W, K, kernel, s, p, groups;
        request >> N >> C >> H >> W >> K >> kernel >> s >> p >> groups;
        x = {N, C, H, W}, stride = {s, s}, padding = {p, p};
        out = {N, K, (H + 2 * p - kernel) / s + 1, (W + 2 * p - kernel) / s + 1};
        w = groups == 1 ? memory::dims{K, C, kernel, kernel}
                        : memory::dims{groups, K / groups, C / groups, kernel, kernel};
    }
    dnnl::convolution_forward::primitive_desc forward() const {
        return {engine,
                dnnl::prop_kind::forward_training,
                dnnl::algorithm::convolution_direct,
                any(x),
                any(w),
                any(out),
                stride,
                padding,
                padding,
                own_scratchpad()};
    }
    Prepared prepare_forward() const {
        auto desc = forward();
        Operand px(plain(x), desc.src_desc(), bare), pw(plain(w), desc.weights_desc(), bare),
            po(plain(out), desc.dst_desc(), bare);
        Task run = run_of<dnnl::convolution_forward>(
            desc, {{DNNL_ARG_SRC, px.inside}, {DNNL_ARG_WEIGHTS, pw.inside}, {DNNL_ARG_DST, po.inside}});
        return {[=] { call(px.enter), call(pw.enter), run(), call(po.leave); }, desc.impl_info_str()};
    }
    Prepared prepare_backward() const {
        using Data = dnnl::convolution_backward_data;
        using Weights = dnnl::convolution_backward_weights;
        constexpr auto direct = dnnl::algorithm::convolution_direct;
        Data::primitive_desc data(engine, direct, any(x), any(w), any(out), stride, padding, padding, forward(),
                                  own_scratchpad());
        Weights::primitive_desc weights(engine, direct, any(x), any(w), any(out), stride, padding, padding, forward(),
                                        own_scratchpad());
        Operand grad_x(plain(x), data.diff_src_desc(), bare), w_in(plain(w), data.weights_desc(), bare),
            grad(plain(out), data.diff_dst_desc(), bare);
        Operand x_in(plain(x), weights.src_desc(), bare), grad_w(plain(w), weights.diff_weights_desc(), bare);
        Operand same(plain(out), weights.diff_dst_desc(), bare);
        const bool shared = data.diff_dst_desc() == weights.diff_dst_desc();
        Task first = run_of<Data>(
            data,
            {{DNNL_ARG_DIFF_DST, grad.inside}, {DNNL_ARG_WEIGHTS, w_in.inside}, {DNNL_ARG_DIFF_SRC, grad_x.inside}});
        Task second = run_of<Weights>(weights, {{DNNL_ARG_SRC, x_in.inside},
                                                {DNNL_ARG_DIFF_DST, shared ? grad.inside : same.inside},
                                                {DNNL_ARG_DIFF_WEIGHTS, grad_w.inside}});
        return {[=] {
                    call(grad.enter), call(w_in.enter), first(), call(grad_x.leave);
                    if (!shared) call(same.enter);
                    call(x_in.enter), second(), call(grad_w.leave);
                },
                std::string(data.impl_info_str()) + "+" + weights.impl_info_str()};
    }
};

Prepared prepare_convolution(std::istream& request) {
    std::string pass, variant;
    request >> pass >> variant;
    Convolution convolution(variant, request);
    return pass == "forward" ? convolution.prepare_forward() : convolution.prepare_backward();
}

// Enough independent chains of multiply-adds to hide their latency; no memory.
constexpr int kChains = 12, kSteps = 1000000;
typedef float Lanes __attribute__((vector_size(VECTOR_BYTES)));

template <size_t... I> float run_chains(std::index_sequence<I...>) {
    Lanes sums[] = {Lanes{} + float(I)...}, factor = Lanes{} + 0.999f, term = Lanes{} + 0.001f;
    for (int step = 0; step < kSteps; ++step) ((sums[I] = sums[I] * factor + term), ...);
    return (sums[I][0] + ...);
}

volatile float sink;
void multiply_add() {
#pragma omp parallel
    sink = run_chains(std::make_index_sequence<kChains>());
}

double seconds_of(const Task& task, double budget) {
    using Clock = std::chrono::steady_clock;
    const auto passed = [](Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    task();
    auto start = Clock::now();
    task();
    const int count = std::max(1, int(budget / std::max(passed(start), 1e-7)));
    start = Clock::now();
    for (int i = 0; i < count; ++i) task();
    return passed(start) / count;
}

}  // namespace

int main() {
    Prepared prepared;
    std::cout.precision(9);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream request(line);
        std::string what;
        request >> what;
        if (what == "time") {
            double budget;
            request >> budget;
            std::cout << seconds_of(prepared.task, budget) << std::endl;
            continue;
        }
        if (what == "matmul") prepared = prepare_matmul(request);
        else if (what == "conv") prepared = prepare_convolution(request);
        else if (what == "peak")
            prepared = {multiply_add, std::to_string(double(omp_get_max_threads()) * kChains * kSteps * 2 *
                                                     (VECTOR_BYTES / sizeof(float)))};
        else return 1;
        std::cout << "ok " << prepared.implementation << std::endl;
    }
}
