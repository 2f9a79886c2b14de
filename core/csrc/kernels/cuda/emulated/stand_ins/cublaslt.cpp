// Stands in for cuBLASLt where there is no GPU, so that cublaslt.cpp runs in tests: the documented meaning of every call
// by plain loops, column by column, and a status where a call does not agree with another.
#include "kernels/cuda/cublaslt_api.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>

#include "kernels/cuda/emulated/arena.h"
#include "tensor/dtype.h"

namespace taeda::cuda::cublaslt {

struct HandleStruct {};
struct OperationStruct {
    ComputeType compute;
    DataType scale;
    int32_t transpose[2] = {OP_N, OP_N};
    uint32_t epilogue = EPILOGUE_DEFAULT;
    const void* bias = nullptr;
};
struct LayoutStruct {
    DataType type;
    uint64_t rows, columns;
    int64_t leading;
    int32_t batches = 1;
    int64_t stride = 0;
};
struct PreferenceStruct {
    uint64_t workspace = 0;
    uint32_t alignment[4] = {256, 256, 256, 256};
};

namespace {

using Number = std::complex<double>;
constexpr Status kFine = 0, kWrong = 7, kUnsupported = 15;
constexpr size_t kWorkspace = 1024;

template <class T> Number read_as(const void* data, int64_t i) {
    T value;
    std::memcpy(&value, static_cast<const char*>(data) + i * int64_t(sizeof(T)), sizeof(T));
    if constexpr (is_complex_type<T>::value) return Number(value);
    else return double(value);
}
Number read(DataType type, const void* data, int64_t i) {
    switch (type) {
        case R_32F: return read_as<float>(data, i);
        case R_64F: return read_as<double>(data, i);
        case R_16F: return read_as<Half>(data, i);
        case R_16BF: return read_as<BFloat16>(data, i);
        case C_32F: return read_as<std::complex<float>>(data, i);
        default: return read_as<std::complex<double>>(data, i);
    }
}
template <class T> void write_as(void* data, int64_t i, T value) { static_cast<T*>(data)[i] = value; }
void write(DataType type, void* data, int64_t i, Number value) {
    switch (type) {
        case R_32F: return write_as(data, i, float(value.real()));
        case R_64F: return write_as(data, i, value.real());
        case R_16F: return write_as(data, i, Half(float(value.real())));
        case R_16BF: return write_as(data, i, BFloat16(float(value.real())));
        case C_32F: return write_as(data, i, std::complex<float>(value));
        default: return write_as(data, i, value);
    }
}

bool is_16_bit(DataType type) { return type == R_16F || type == R_16BF; }

bool types_agree(const OperationStruct& o, DataType type) {
    if (o.scale != (is_16_bit(type) ? R_32F : type)) return false;
    if (type == R_64F || type == C_64F) return o.compute == COMPUTE_64F;
    return o.compute == COMPUTE_32F || (o.compute == COMPUTE_32F_FAST_TF32 && type == R_32F);
}

Status check(const OperationStruct& o, const LayoutStruct& a, const LayoutStruct& b, const LayoutStruct& c,
             const LayoutStruct& d) {
    auto rows = [](const LayoutStruct& l, int32_t t) { return t == OP_N ? l.rows : l.columns; };
    auto columns = [](const LayoutStruct& l, int32_t t) { return t == OP_N ? l.columns : l.rows; };
    for (const LayoutStruct* l : {&a, &b, &c, &d})
        if (l->type != d.type || l->batches != d.batches || l->leading < int64_t(l->rows)) return kWrong;
    if (rows(a, o.transpose[0]) != d.rows || columns(b, o.transpose[1]) != d.columns) return kWrong;
    if (columns(a, o.transpose[0]) != rows(b, o.transpose[1]) || c.rows != d.rows || c.columns != d.columns)
        return kWrong;
    if ((o.epilogue & EPILOGUE_BIAS) && (!o.bias || reinterpret_cast<uintptr_t>(o.bias) % 16)) return kWrong;
    if (o.epilogue != EPILOGUE_DEFAULT && (d.type == C_32F || d.type == C_64F || d.type == R_64F)) return kUnsupported;
    return types_agree(o, d.type) ? kFine : kUnsupported;
}

Number activated(Number x, uint32_t epilogue) {
    double v = x.real();
    if (epilogue & EPILOGUE_RELU) return std::max(v, 0.0);
    if (epilogue & EPILOGUE_GELU) return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    return x;
}

template <class T> Status put(const void* value, size_t bytes, T& to) {
    if (bytes != sizeof(T)) return kWrong;
    std::memcpy(&to, value, bytes);
    return kFine;
}

// What a recommendation was made for travels in it.
Algorithm algorithm_of(const OperationStruct& o, const LayoutStruct& d, const PreferenceStruct& p) {
    Algorithm found{{o.epilogue, uint64_t(d.type), d.rows, d.columns}};
    for (size_t i = 0; i < 4; ++i) found.data[4 + i] = p.alignment[i];
    return found;
}

}  // namespace

extern "C" {

Status cublasLtCreate(Handle* handle) {
    *handle = new HandleStruct;
    return kFine;
}
Status cublasLtMatmulDescCreate(Operation* o, ComputeType compute, DataType scale) {
    *o = new OperationStruct{compute, scale};
    return kFine;
}
Status cublasLtMatmulDescDestroy(Operation o) {
    delete o;
    return kFine;
}
Status cublasLtMatmulDescSetAttribute(Operation o, OperationAttribute attribute, const void* value, size_t bytes) {
    switch (attribute) {
        case TRANSA: return put(value, bytes, o->transpose[0]);
        case TRANSB: return put(value, bytes, o->transpose[1]);
        case EPILOGUE: return put(value, bytes, o->epilogue);
        case BIAS_POINTER: return put(value, bytes, o->bias);
    }
    return kWrong;
}
Status cublasLtMatrixLayoutCreate(Layout* l, DataType type, uint64_t rows, uint64_t columns, int64_t leading) {
    *l = new LayoutStruct{type, rows, columns, leading};
    return kFine;
}
Status cublasLtMatrixLayoutDestroy(Layout l) {
    delete l;
    return kFine;
}
Status cublasLtMatrixLayoutSetAttribute(Layout l, LayoutAttribute attribute, const void* value, size_t bytes) {
    return attribute == BATCH_COUNT ? put(value, bytes, l->batches) : put(value, bytes, l->stride);
}
Status cublasLtMatmulPreferenceCreate(Preference* p) {
    *p = new PreferenceStruct;
    return kFine;
}
Status cublasLtMatmulPreferenceDestroy(Preference p) {
    delete p;
    return kFine;
}
Status cublasLtMatmulPreferenceSetAttribute(Preference p, PreferenceAttribute attribute, const void* value,
                                            size_t bytes) {
    if (attribute == MAX_WORKSPACE_BYTES) return put(value, bytes, p->workspace);
    return put(value, bytes, p->alignment[attribute - MIN_ALIGNMENT_A_BYTES]);
}

Status cublasLtMatmulAlgoGetHeuristic(Handle handle, Operation o, Layout a, Layout b, Layout c, Layout d, Preference p,
                                      int wanted, Heuristic* found, int* count) {
    *count = 0;
    if (!handle || wanted < 1 || p->workspace < kWorkspace) return kWrong;
    if (Status status = check(*o, *a, *b, *c, *d)) return status;
    *found = Heuristic{algorithm_of(*o, *d, *p), kWorkspace, kFine, 1, {}};
    *count = 1;
    return kFine;
}

Status cublasLtMatmul(Handle handle, Operation o, const void* alpha, const void* a, Layout la, const void* b, Layout lb,
                      const void* beta, const void* c, Layout lc, void* d, Layout ld, const Algorithm* algorithm,
                      void* workspace, size_t bytes, CUstream_st*) {
    if (!handle || bytes < kWorkspace || !workspace || reinterpret_cast<uintptr_t>(workspace) % 16) return kWrong;
    if (Status status = check(*o, *la, *lb, *lc, *ld)) return status;
    const uint64_t made_for[] = {o->epilogue, uint64_t(ld->type), ld->rows, ld->columns};
    if (!std::equal(made_for, made_for + 4, algorithm->data)) return kWrong;
    const void* pointers[] = {a, b, c, d};
    for (size_t i = 0; i < 4; ++i)
        if (reinterpret_cast<uintptr_t>(pointers[i]) % algorithm->data[4 + i]) return kWrong;
    emulated::DeviceAccess access;
    std::memset(workspace, 0xCD, bytes);
    const Number times = read(o->scale, alpha, 0), keep = read(o->scale, beta, 0);
    auto element = [](const LayoutStruct& l, const void* data, int32_t t, int64_t batch, int64_t i, int64_t j) {
        return read(l.type, data, batch * l.stride + (t == OP_N ? j * l.leading + i : i * l.leading + j));
    };
    const int64_t depth = int64_t(o->transpose[0] == OP_N ? la->columns : la->rows);
    for (int64_t batch = 0; batch < ld->batches; ++batch)
        for (int64_t j = 0; j < int64_t(ld->columns); ++j)
            for (int64_t i = 0; i < int64_t(ld->rows); ++i) {
                Number sum = 0;
                for (int64_t k = 0; k < depth; ++k)
                    sum +=
                        element(*la, a, o->transpose[0], batch, i, k) * element(*lb, b, o->transpose[1], batch, k, j);
                sum *= times;
                if (keep != 0.0) sum += keep * element(*lc, c, OP_N, batch, i, j);
                if (o->epilogue & EPILOGUE_BIAS) sum += read(ld->type, o->bias, i);
                write(ld->type, d, batch * ld->stride + j * ld->leading + i, activated(sum, o->epilogue));
            }
    return kFine;
}

}  // extern "C"

}  // namespace taeda::cuda::cublaslt
