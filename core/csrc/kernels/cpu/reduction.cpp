#include "kernels/cpu/reduction.h"

#include <vector>

#include "kernels/cpu/cast.h"
#include "kernels/cpu/strided.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kPiece = 256;     // outputs that one piece of work computes at most
constexpr int64_t kBlockRows = 32;  // rows of a block where outputs lie side by side
constexpr int64_t kSmallRow = 32;   // shorter reduced rows are reduced across outputs
constexpr int64_t kFewPieces = 64;  // with fewer pieces than this the reduced dimensions are split as well

struct Axis {
    int64_t size, stride;
    int64_t out_stride[2];
};

void coalesce(std::vector<Axis>& axes, bool keep_order) {
    if (!keep_order)
        std::stable_sort(axes.begin(), axes.end(),
                         [](const Axis& a, const Axis& b) { return std::abs(a.stride) > std::abs(b.stride); });
    std::vector<Axis> joined;
    for (const Axis& a : axes) {
        auto continues = [&](int64_t outer, int64_t inner) { return outer == inner * a.size; };
        if (!joined.empty() && continues(joined.back().stride, a.stride) &&
            continues(joined.back().out_stride[0], a.out_stride[0]) &&
            continues(joined.back().out_stride[1], a.out_stride[1])) {
            int64_t size = joined.back().size * a.size;
            joined.back() = a;
            joined.back().size = size;
        } else {
            joined.push_back(a);
        }
    }
    if (joined.empty()) joined.push_back({1, 0, {0, 0}});
    axes = std::move(joined);
}

int64_t numel_of(const std::vector<Axis>& axes) {
    int64_t n = 1;
    for (const Axis& a : axes) n *= a.size;
    return n;
}

// Combines a sequence of accumulator arrays along a binary tree as they come.
class Cascade {
public:
    Cascade(const Reducer& r, int64_t blocks, int64_t width) : r_(r), width_(width), level_bytes_(width * r.acc_bytes) {
        int levels = 2;
        for (; blocks > 1; blocks /= 2) ++levels;
        storage_.resize(size_t(levels * level_bytes_));
    }
    // Where the next array goes; `added` follows.
    void* next() { return level(depth_); }
    void added(int64_t width) {
        ++depth_;
        for (int64_t n = ++count_; n % 2 == 0; n /= 2) fold(width);
    }
    void* total(int64_t width) {
        while (depth_ > 1) fold(width);
        return level(0);
    }
    void clear() { depth_ = 0, count_ = 0; }

private:
    char* level(int i) { return storage_.data() + i * level_bytes_; }
    void fold(int64_t width) {
        --depth_;
        r_.combine(r_.op, level(depth_ - 1), level(depth_), width);
    }
    const Reducer& r_;
    int64_t width_, level_bytes_;
    int depth_ = 0;
    int64_t count_ = 0;
    std::vector<char> storage_;
};

class Reduction {
public:
    Reduction(const Reducer& r, std::initializer_list<const Tensor*> outs, const Tensor& in, Ints dims)
        : r_(r), in_(in.data<char>()), in_dtype_(in.dtype()), item_(int(in.item_bytes())) {
        for (const Tensor* out : outs) outs_[out_count_++] = out;
        gather_axes(in, dims);
        choose_mode();
        plan();
    }

    void run() {
        if (pieces_ == 0) return;
        int64_t work = std::min(total_, parts_ > 1 ? part_blocks() * block_ : total_) * piece_;
        int64_t grain = std::max<int64_t>(1, kGrainElements / std::max<int64_t>(1, work));
        if (parts_ == 1) {
            parallel_for(0, pieces_, grain, [&](int64_t from, int64_t to) {
                Cascade cascade(r_, blocks_, by_rows_ ? 1 : piece_);
                std::vector<char> acc(size_t(piece_ * r_.acc_bytes));
                for (int64_t piece = from; piece < to; ++piece) {
                    reduce_piece(piece, 0, blocks_, cascade, acc.data());
                    write(piece, acc.data());
                }
            });
            return;
        }
        int64_t acc_bytes = piece_ * r_.acc_bytes;
        std::vector<char> partial(size_t(pieces_ * parts_ * acc_bytes));
        parallel_for(0, pieces_ * parts_, grain, [&](int64_t from, int64_t to) {
            Cascade cascade(r_, part_blocks(), by_rows_ ? 1 : piece_);
            for (int64_t item = from; item < to; ++item) {
                int64_t begin = item % parts_ * part_blocks();
                reduce_piece(item / parts_, begin, std::min(blocks_, begin + part_blocks()), cascade,
                             partial.data() + item * acc_bytes);
            }
        });
        Cascade cascade(r_, parts_, piece_);
        for (int64_t piece = 0; piece < pieces_; ++piece) {
            int64_t width = width_of(piece);
            cascade.clear();
            for (int64_t part = 0; part < parts_; ++part) {
                std::memcpy(cascade.next(), partial.data() + (piece * parts_ + part) * acc_bytes, size_t(acc_bytes));
                cascade.added(width);
            }
            write(piece, cascade.total(width));
        }
    }

private:
    // A power of two, so that splitting at parts leaves the tree of blocks as it is.
    int64_t part_blocks() const { return by_rows_ ? 32 : 8; }

    void gather_axes(const Tensor& in, Ints dims) {
        std::vector<bool> reduced(size_t(in.dim()));
        for (int64_t d : dims) reduced[size_t(d)] = true;
        for (int64_t d = 0; d < in.dim(); ++d) {
            int64_t size = in.sizes()[size_t(d)];
            if (size == 1) continue;
            Axis axis{size, in.strides()[size_t(d)] * item_, {0, 0}};
            if (!reduced[size_t(d)])
                for (int k = 0; k < out_count_; ++k)
                    if (outs_[k]->defined())
                        axis.out_stride[k] = outs_[k]->strides()[size_t(d)] * outs_[k]->item_bytes();
            (reduced[size_t(d)] ? reduced_ : kept_).push_back(axis);
        }
        coalesce(reduced_, r_.is_ordered);
        coalesce(kept_, false);
    }

    void choose_mode() {
        const Axis& run = reduced_.back();
        int64_t outputs = numel_of(kept_);
        bool contiguous_run = run.stride == item_ || run.size == 1;
        if (outputs < 8) by_rows_ = true;
        else if (contiguous_run && reduced_.size() == 1 && run.size < kSmallRow) by_rows_ = false;
        else by_rows_ = contiguous_run && run.size > 1;
        if (!by_rows_ && !r_.is_ordered && reduced_.size() > 1)  // the longest axis makes the rows
            std::iter_swap(std::max_element(reduced_.begin(), reduced_.end(),
                                            [](const Axis& a, const Axis& b) { return a.size < b.size; }),
                           reduced_.end() - 1);
    }

    void plan() {
        total_ = numel_of(reduced_);
        run_ = reduced_.back().size;
        block_ = by_rows_ ? kBlock : kBlockRows;
        blocks_per_run_ = (run_ + block_ - 1) / block_;
        blocks_ = run_ == 0 ? 0 : total_ / run_ * blocks_per_run_;
        inner_ = kept_.back().size;
        piece_ = std::min(
            inner_, by_rows_ ? std::clamp<int64_t>(kGrainElements / std::max<int64_t>(1, total_), 1, kPiece) : kPiece);
        pieces_per_inner_ = inner_ == 0 ? 0 : (inner_ + piece_ - 1) / piece_;
        pieces_ = inner_ == 0 ? 0 : numel_of(kept_) / inner_ * pieces_per_inner_;
        parts_ = pieces_ < kFewPieces ? std::max<int64_t>(1, (blocks_ + part_blocks() - 1) / part_blocks()) : 1;
    }

    int64_t width_of(int64_t piece) const { return std::min(piece_, inner_ - piece % pieces_per_inner_ * piece_); }

    // Byte offset of a piece's first output in `in` (which < 0) or in an output.
    int64_t piece_offset(int64_t piece, int which) const {
        auto stride = [&](const Axis& a) { return which < 0 ? a.stride : a.out_stride[which]; };
        int64_t offset = piece % pieces_per_inner_ * piece_ * stride(kept_.back()), rest = piece / pieces_per_inner_;
        for (size_t d = kept_.size() - 1; d-- > 0; rest /= kept_[d].size)
            offset += rest % kept_[d].size * stride(kept_[d]);
        return offset;
    }
    // Byte offset of a block's first element and the number of its rows; its position in the reduced order.
    int64_t block_offset(int64_t block, int64_t& rows, int64_t& first) const {
        int64_t start = block % blocks_per_run_ * block_, outer = block / blocks_per_run_;
        rows = std::min(block_, run_ - start);
        first = outer * run_ + start;
        int64_t offset = start * reduced_.back().stride;
        for (size_t d = reduced_.size() - 1; d-- > 0; outer /= reduced_[d].size)
            offset += outer % reduced_[d].size * reduced_[d].stride;
        return offset;
    }

    void reduce_piece(int64_t piece, int64_t from, int64_t to, Cascade& cascade, char* acc) const {
        const char* base = in_ + piece_offset(piece, -1);
        int64_t width = width_of(piece);
        if (from == to) {
            for (int64_t j = 0; j < width; ++j) r_.row(r_.op, acc + j * r_.acc_bytes, nullptr, 0, 0);
        } else if (by_rows_) {
            for (int64_t j = 0; j < width; ++j)
                reduce_row(base + j * kept_.back().stride, from, to, cascade, acc + j * r_.acc_bytes);
        } else {
            reduce_columns(base, width, from, to, cascade, acc);
        }
    }

    void reduce_row(const char* base, int64_t from, int64_t to, Cascade& cascade, char* acc) const {
        if (blocks_ == 1) return row_block(base, run_, 0, acc);
        int64_t n, first;
        if (to - from == 1) {
            int64_t offset = block_offset(from, n, first);
            return row_block(base + offset, n, first, acc);
        }
        cascade.clear();
        for (int64_t block = from; block < to;) {
            const char* at = base + block_offset(block, n, first);
            const int64_t run_end = first - first % run_ + run_, run_blocks = (run_end - first + block_ - 1) / block_;
            for (const int64_t stop = std::min(to, block + run_blocks); block < stop; ++block) {
                row_block(at, std::min(block_, run_end - first), first, cascade.next());
                cascade.added(1);
                at += block_ * reduced_.back().stride, first += block_;
            }
        }
        std::memcpy(acc, cascade.total(1), size_t(r_.acc_bytes));
    }
    void row_block(const char* at, int64_t n, int64_t first, void* acc) const {
        if ((reduced_.back().stride == item_ || n <= 1) && in_dtype_ == r_.row_input) r_.row(r_.op, acc, at, n, first);
        else staged_row_block(at, n, first, acc);
    }
    [[gnu::noinline]] void staged_row_block(const char* at, int64_t n, int64_t first, void* acc) const {
        alignas(64) char packed[kBlock * 16], cast[kBlock * 16];
        const void* block = at;
        if (reduced_.back().stride != item_ && n > 1) {
            pack_block(packed, {const_cast<char*>(at), 0, reduced_.back().stride}, 1, n, item_);
            block = packed;
        }
        if (in_dtype_ != r_.row_input) {
            cast_elements(cast, r_.compute, block, in_dtype_, n);
            block = cast;
        }
        r_.row(r_.op, acc, block, n, first);
    }

    void reduce_columns(const char* base, int64_t width, int64_t from, int64_t to, Cascade& cascade, char* acc) const {
        cascade.clear();
        std::vector<char> packed, cast;
        const bool packs = kept_.back().stride != item_, casts = in_dtype_ != r_.compute;
        if (packs) packed.resize(size_t(width * kBlockRows * item_));
        if (casts) cast.resize(size_t(width * kBlockRows * item_size(r_.compute)));
        for (int64_t block = from; block < to; ++block) {
            int64_t rows, first, stride = reduced_.back().stride;
            const char* at = base + block_offset(block, rows, first);
            if (packs) {
                pack_block(packed.data(), {const_cast<char*>(at), stride, kept_.back().stride}, rows, width, item_);
                at = packed.data(), stride = width * item_;
            }
            if (casts) {
                int64_t wide = width * item_size(r_.compute);
                if (stride == width * item_) cast_elements(cast.data(), r_.compute, at, in_dtype_, rows * width);
                else
                    for (int64_t i = 0; i < rows; ++i)
                        cast_elements(cast.data() + i * wide, r_.compute, at + i * stride, in_dtype_, width);
                at = cast.data(), stride = wide;
            }
            r_.columns(r_.op, cascade.next(), at, rows, width, stride, first, 1);
            cascade.added(width);
        }
        std::memcpy(acc, cascade.total(width), size_t(width * r_.acc_bytes));
    }

    void write(int64_t piece, const void* acc) const {
        alignas(64) char result[2][kPiece * 16], cast[kPiece * 16];
        int64_t width = width_of(piece);
        r_.finish(r_.op, result[0], result[1], acc, width);
        for (int k = 0; k < out_count_; ++k) {
            if (!outs_[k]->defined()) continue;
            int item = int(outs_[k]->item_bytes());
            cast_elements(cast, outs_[k]->dtype(), result[k], r_.result[k], width);
            unpack_block({outs_[k]->data<char>() + piece_offset(piece, k), 0, kept_.back().out_stride[k]}, cast, 1,
                         width, item);
        }
    }

    const Reducer& r_;
    const char* in_;
    DType in_dtype_;
    int item_;
    const Tensor* outs_[2];
    int out_count_ = 0;
    std::vector<Axis> reduced_, kept_;
    bool by_rows_ = true;
    int64_t total_, run_, block_, blocks_per_run_, blocks_, inner_, piece_, pieces_per_inner_, pieces_, parts_;
};

}  // namespace

void run_reduction(const Reducer& reducer, std::initializer_list<const Tensor*> outs, const Tensor& in, Ints dims) {
    Reduction(reducer, outs, in, dims).run();
}

Tensor view_reals(const Tensor& t) {
    Dims sizes(t.sizes()), strides(t.strides());
    for (int64_t& s : strides) s *= 2;
    sizes.push_back(2), strides.push_back(1);
    Tensor reals = alias(t, sizes, strides, 2 * t.offset());
    reals.impl()->dtype = real_dtype(t.dtype());
    return reals;
}

int64_t reduced_numel(const Tensor& in, Ints dims) {
    int64_t n = 1;
    for (int64_t d : dims) n *= in.size(d);
    return n;
}

}  // namespace taeda::cpu
