#include "kernels/onednn/program.h"

#include <omp.h>

#include "tensor/threads.h"

namespace taeda::onednn {

const dnnl::engine& engine() {
    static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    return cpu;
}

static dnnl::stream& stream() {
    thread_local dnnl::stream of_thread(engine());
    return of_thread;
}

Type type_of(DType dtype) {
    switch (dtype) {
        case DType::float32: return Type::f32;
        case DType::bfloat16: return Type::bf16;
        case DType::float16: return Type::f16;
        case DType::int8: return Type::s8;
        case DType::uint8: return Type::u8;
        case DType::int32: return Type::s32;
        default: raise<NotImplementedError>("oneDNN kernel: not implemented for '", dtype_long_name(dtype), "'");
    }
}

Desc describe(Ints sizes, Ints strides, DType dtype) {
    return Desc(dnnl::memory::dims(sizes.begin(), sizes.end()), type_of(dtype),
                dnnl::memory::dims(strides.begin(), strides.end()));
}

Desc describe(const Tensor& t) { return describe(t.sizes(), t.strides(), t.dtype()); }

static thread_local bool single_thread = false;

int threads() {
    int wanted = single_thread ? 1 : num_threads();
    if (omp_get_max_threads() != wanted) omp_set_num_threads(wanted);  // of this thread or task only
    return wanted;
}

SingleThread::SingleThread() : outer_(std::exchange(single_thread, true)) { threads(); }

SingleThread::~SingleThread() {
    single_thread = outer_;
    threads();
}

dnnl::primitive_attr attributes() {
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attr;
}

Program::Program(const dnnl::primitive_desc_base& desc, const dnnl::primitive& primitive,
                 const std::vector<std::pair<int, Desc>>& arguments)
    : primitive_(primitive) {
    for (const auto& [index, layout] : arguments) {
        memories_.emplace_back(layout, engine(), nullptr);
        arguments_.push_back({index, memories_.back().get()});
    }
    Desc scratchpad = desc.scratchpad_desc();
    scratchpad_bytes_ = scratchpad.get_size();
    if (scratchpad_bytes_) {
        memories_.emplace_back(scratchpad, engine(), nullptr);
        arguments_.push_back({DNNL_ARG_SCRATCHPAD, memories_.back().get()});
    }
}

void Program::run(std::initializer_list<void*> data) const {
    size_t at = 0;
    for (void* pointer : data) dnnl_memory_set_data_handle(arguments_[at++].memory, pointer);
    Workspace scratchpad(scratchpad_bytes_);
    if (scratchpad_bytes_) dnnl_memory_set_data_handle(arguments_[at].memory, scratchpad.data());
    dnnl_status_t status =
        dnnl_primitive_execute(primitive_.get(), stream().get(), int(arguments_.size()), arguments_.data());
    TAEDA_CHECK(status == dnnl_success, "oneDNN kernel: running a primitive failed with status ", int(status));
}

Program reorder_program(const Desc& from, const Desc& to) {
    if (from == to) return {};
    dnnl::reorder::primitive_desc desc(engine(), from, engine(), to, attributes());
    return Program(desc, dnnl::reorder(desc), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

}  // namespace taeda::onednn
