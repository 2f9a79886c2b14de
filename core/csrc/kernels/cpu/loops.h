// pointwise_loop<Out, In...>(args, f): out[i] = f(in[i]...) over any strides.
//
// `f` is a generic functor. Where all inputs are floats of one computing type (float or double; 16-bit floats compute
// in float; bools come as masks), it is called with Vec and Mask; otherwise with scalars, in a loop that the compiler
// vectorises. A comparison may return Mask (or bool) for a bool output. Only the loop over contiguous memory is
// generated per functor: run_rows stages strided operands through blocks in the first-level cache.
#pragma once

#include "kernels/cpu/parallel.h"
#include "kernels/pointwise.h"
#include "kernels/vec/vec_math.h"

namespace taeda::cpu {

// The loop over `n` contiguous elements of each operand: outputs first. Of operands with a bit in `repeated` there is
// only a register full of one element, to be used again and again.
using RowFunction = void (*)(const void* functor, char* const* data, int64_t n, uint32_t repeated);
// Loops that cannot use `repeated` are never asked to.
struct RowLoop {
    RowFunction row;
    const void* functor;
    bool takes_repeated;
};
void run_rows(const PointwiseArgs& args, const int* item_sizes, const RowLoop& loop);

// The computing type of a list of element types: their one common floating op_type without bools, or void.
template <class... In> struct computing_type {
    using type = void;
};
template <class First, class... Rest> struct computing_type<First, Rest...> {
    using rest = typename computing_type<Rest...>::type;
    using own = std::conditional_t<std::is_floating_point_v<op_type<First>>, op_type<First>, void>;
    static constexpr bool is_bool = std::is_same_v<First, bool>;
    static constexpr bool rest_bool = (std::is_same_v<Rest, bool> && ...);
    using type =
        std::conditional_t<is_bool, rest, std::conditional_t<rest_bool || std::is_same_v<own, rest>, own, void>>;
};

// Loads of one operand as what the functor takes, `n` < 0 for a full register.
template <class C, class S> auto load_lanes(const char* p, int64_t i, int64_t n) {
    const S* at = reinterpret_cast<const S*>(p) + i;
    if constexpr (std::is_same_v<S, bool>) return n < 0 ? Mask<C>::load(at) : Mask<C>::load(at, n);
    else return n < 0 ? load_vec(at) : load_vec(at, n);
}
template <class Out, class R> void store_lanes(char* p, int64_t i, int64_t n, R value) {
    Out* at = reinterpret_cast<Out*>(p) + i;
    if constexpr (is_mask<R>::value) n < 0 ? value.store(at) : value.store(at, n);
    else n < 0 ? store_vec(at, value) : store_vec(at, value, n);
}

template <class Out, class... In> struct Row {
    using C = typename computing_type<In...>::type;
    static constexpr bool is_vector =
        !std::is_void_v<C> && (std::is_same_v<op_type<Out>, C> || std::is_same_v<Out, bool>);

    template <class F> static void run(const void* functor, char* const* data, int64_t n, uint32_t repeated) {
        const F f = *static_cast<const F*>(functor);
        run_indexed<F>(f, data, n, repeated, std::index_sequence_for<In...>());
    }

    template <class F, size_t... k> static void run_indexed(const F& f, char* const* data, int64_t n,
                                                            [[maybe_unused]] uint32_t repeated,
                                                            std::index_sequence<k...>) {
        char* out = data[0];
        const char* const in[] = {data[k + 1]...};
        if constexpr (is_vector) {
            constexpr int64_t width = Vec<C>::size;
            // All ones, or all zeros for an operand that stays where it is.
            const int64_t moves[] = {int64_t(repeated >> (k + 1) & 1) - 1 ...};
            int64_t i = 0;
            for (; i + width <= n; i += width)
                store_lanes<Out>(out, i, -1, f(load_lanes<C, In>(in[k], i & moves[k], -1)...));
            if (i < n) store_lanes<Out>(out, i, n - i, f(load_lanes<C, In>(in[k], i & moves[k], n - i)...));
        } else {
            Out* to = reinterpret_cast<Out*>(out);
#pragma GCC ivdep
            for (int64_t i = 0; i < n; ++i)
                to[i] = static_cast<Out>(f(static_cast<op_type<In>>(reinterpret_cast<const In*>(in[k])[i])...));
        }
    }
};

template <class Out, class... In, class F> void pointwise_loop(const PointwiseArgs& args, const F& f) {
    static constexpr int sizes[] = {int(sizeof(Out)), int(sizeof(In))...};
    using Loop = Row<Out, In...>;
    run_rows(args, sizes, {&Loop::template run<F>, &f, Loop::is_vector});
}

}  // namespace taeda::cpu
