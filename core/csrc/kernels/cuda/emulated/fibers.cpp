// The threads of a block as fibers on one CPU thread.
#include <sys/mman.h>
#include <unistd.h>

#include <exception>
#include <utility>
#include <vector>

#include "kernels/cuda/emulated/arena.h"
#include "kernels/cuda/emulated/emulator.h"
#include "tensor/error.h"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace taeda::emulated {

namespace {

constexpr size_t kStackBytes = size_t(128) << 10;
constexpr unsigned kMaxThreads = 1024;

#if defined(__x86_64__)
// Saves the callee-saved registers and the stack pointer at *save, and continues where `restore` was saved.
extern "C" void taeda_switch_fiber(void** save, void* restore);
asm(R"(
    .text
    .local taeda_switch_fiber
    .type taeda_switch_fiber, @function
taeda_switch_fiber:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size taeda_switch_fiber, .-taeda_switch_fiber
)");

struct Context {
    void* stack_pointer = nullptr;
    void prepare(char* stack, void (*entry)()) {
        auto* top = reinterpret_cast<uint64_t*>(stack + kStackBytes);
        *--top = 0;  // where entry would return to: it never does
        *--top = uint64_t(reinterpret_cast<uintptr_t>(entry));
        for (int i = 0; i < 6; ++i) *--top = 0;
        stack_pointer = top;
    }
    static void change(Context& from, Context& to) { taeda_switch_fiber(&from.stack_pointer, to.stack_pointer); }
};
#else
struct Context {
    ucontext_t context;
    void prepare(char* stack, void (*entry)()) {
        getcontext(&context);
        context.uc_stack.ss_sp = stack;
        context.uc_stack.ss_size = kStackBytes;
        context.uc_link = nullptr;
        makecontext(&context, entry, 0);
    }
    static void change(Context& from, Context& to) { swapcontext(&from.context, &to.context); }
};
#endif

enum class State : uint8_t { fresh, ready, at_barrier, at_exchange, finished };

struct Fiber {
    Context context;
    State state = State::fresh;
    unsigned mask = 0;  // whom a fiber at an exchange waits for
    unsigned exchanges = 0;
    int stack = -1;
    uint3 index{};
};

struct Warp {
    uint64_t values[2][32];  // two exchanges can be under way: some lanes still read the last one
};

struct Block {
    Context scheduler;
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    unsigned current = 0;
    Body body = nullptr;
    void* context = nullptr;
    int counts[3] = {};
    std::vector<unsigned> count_phase;
    std::vector<char> shared;
    std::vector<char*> stacks;
    std::vector<int> free_stacks;
    std::exception_ptr failure;

    Fiber& fiber() { return fibers[current]; }
    void yield(State state) {
        fiber().state = state;
        Context::change(fiber().context, scheduler);
    }
    int take_stack();
    void run();
    void resume(unsigned thread);
    bool release_warps();
    bool release_block();
    [[noreturn]] void report_stuck() const;
};

Block& block() {
    static Block* b = new Block;
    return *b;
}

int Block::take_stack() {
    if (free_stacks.empty()) {
        size_t page = size_t(sysconf(_SC_PAGESIZE));
        void* memory = mmap(nullptr, kStackBytes + page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        TAEDA_CHECK(memory != MAP_FAILED, "the CUDA emulator has no memory left for the stacks of a block's threads");
        mprotect(memory, page, PROT_NONE);  // a thread that uses more than its stack faults
        free_stacks.push_back(int(stacks.size()));
        stacks.push_back(static_cast<char*>(memory) + page);
    }
    int stack = free_stacks.back();
    free_stacks.pop_back();
    return stack;
}

void fiber_main() {
    Block& b = block();
    try {
        b.body(b.context);
    } catch (...) {
        if (!b.failure) b.failure = std::current_exception();
    }
    b.yield(State::finished);
}

void Block::resume(unsigned thread) {
    current = thread;
    Fiber& f = fibers[thread];
    if (f.state == State::fresh) {
        f.stack = take_stack();
        f.context.prepare(stacks[size_t(f.stack)], fiber_main);
    }
    f.state = State::ready;
    threadIdx = f.index;
    Context::change(scheduler, f.context);
    if (f.state == State::finished) free_stacks.push_back(f.stack);
}

// An exchange goes on once all lanes of its mask have come to one with the same mask.
bool Block::release_warps() {
    bool any = false;
    for (size_t first = 0; first < fibers.size(); first += 32) {
        for (size_t i = first; i < std::min(first + 32, fibers.size()); ++i) {
            if (fibers[i].state != State::at_exchange) continue;
            unsigned mask = fibers[i].mask;
            bool all = true;
            for (size_t j = first; j < std::min(first + 32, fibers.size()); ++j)
                if (mask >> (j - first) & 1)
                    all = all && fibers[j].state == State::at_exchange && fibers[j].mask == mask;
            if (!all) continue;
            for (size_t j = first; j < std::min(first + 32, fibers.size()); ++j)
                if (mask >> (j - first) & 1) fibers[j].state = State::ready;
            any = true;
        }
    }
    return any;
}

bool Block::release_block() {
    for (const Fiber& f : fibers)
        if (f.state != State::at_barrier) return false;
    for (Fiber& f : fibers) f.state = State::ready;
    return true;
}

void Block::report_stuck() const {
    int barrier = 0, exchange = 0, finished = 0;
    for (const Fiber& f : fibers) {
        barrier += f.state == State::at_barrier;
        exchange += f.state == State::at_exchange;
        finished += f.state == State::finished;
    }
    raise("CUDA emulator: block (", blockIdx.x, ", ", blockIdx.y, ", ", blockIdx.z, ") is stuck: of ", fibers.size(),
          " threads ", barrier, " wait at __syncthreads(), ", exchange,
          " in a warp exchange for lanes that do not come, ", finished,
          " have ended; let every thread reach every barrier");
}

void Block::run() {
    free_stacks.clear();
    for (size_t i = 0; i < stacks.size(); ++i) free_stacks.push_back(int(i));
    std::fill(counts, counts + 3, 0);
    for (unsigned t = 0; t < fibers.size(); ++t) {
        Fiber& f = fibers[t];
        f.state = State::fresh;
        f.exchanges = 0;
        f.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)};
    }
    std::fill(count_phase.begin(), count_phase.end(), 0);
    size_t finished = 0;
    while (true) {
        bool moved = false;
        for (unsigned t = 0; t < fibers.size(); ++t) {
            if (fibers[t].state != State::fresh && fibers[t].state != State::ready) continue;
            resume(t);
            finished += fibers[t].state == State::finished;
            moved = true;
            if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
        }
        if (finished == fibers.size()) return;
        if (!release_warps() && !release_block() && !moved) report_stuck();
    }
}

}  // namespace

void* dynamic_shared() { return block().shared.data(); }
void block_barrier() { block().yield(State::at_barrier); }
int lane() { return int(block().current % 32); }

int block_count(bool predicate) {
    Block& b = block();
    unsigned phase = b.count_phase[b.current]++ % 3;
    b.counts[phase] += predicate;
    block_barrier();
    b.counts[(phase + 2) % 3] = 0;
    return b.counts[phase];
}

const uint64_t* warp_exchange(unsigned mask, uint64_t value) {
    Block& b = block();
    Fiber& f = b.fiber();
    Warp& warp = b.warps[b.current / 32];
    TAEDA_CHECK(mask >> lane() & 1, "CUDA emulator: lane ", lane(), " is in a warp exchange whose mask leaves it out");
    unsigned parity = f.exchanges++ % 2;
    warp.values[parity][lane()] = value;
    // Lanes that the block does not have are taken as absent, as the hardware does.
    size_t first = b.current / 32 * 32, present = std::min<size_t>(32, b.fibers.size() - first);
    f.mask = present == 32 ? mask : mask & ((1u << present) - 1);
    b.yield(State::at_exchange);
    return warp.values[parity];
}

namespace {
void check_launch(dim3 grid, dim3 threads, size_t shared_bytes) {
    size_t count = size_t(threads.x) * threads.y * threads.z;
    TAEDA_CHECK(count > 0 && count <= kMaxThreads && grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.x <= 0x7fffffffu &&
                    grid.y <= 65535 && grid.z <= 65535,
                "CUDA emulator: invalid launch of (", grid.x, ", ", grid.y, ", ", grid.z, ") blocks of ", count,
                " threads");
    TAEDA_CHECK(shared_bytes <= size_t(227) << 10, "CUDA emulator: ", shared_bytes,
                " bytes of shared memory are more than a block can have");
}
}  // namespace

void launch(cudaStream_t stream, dim3 grid, dim3 threads, size_t shared_bytes, Work thread) {
    check_launch(grid, threads, shared_bytes);
    int device = 0;
    cudaGetDevice(&device);
    TAEDA_CHECK(device_of_stream(stream) == device, "CUDA emulator: a kernel was given to a stream of device ",
                device_of_stream(stream), " while device ", device, " was current");
    submit(stream, [=] {
        Work each = thread;
        run(grid, threads, shared_bytes, [](void* context) { (*static_cast<Work*>(context))(); }, &each);
    });
}

void run(dim3 grid, dim3 threads, size_t shared_bytes, Body body, void* context) {
    check_launch(grid, threads, shared_bytes);
    size_t count = size_t(threads.x) * threads.y * threads.z;
    DeviceAccess access;  // also lets one kernel run at a time
    Block& b = block();
    b.fibers.resize(count);
    b.count_phase.resize(count);
    b.warps.resize((count + 31) / 32);
    b.shared.assign(shared_bytes + 16, char(0xAB));
    b.body = body;
    b.context = context;
    gridDim = grid;
    blockDim = threads;
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                b.run();
            }
}

}  // namespace taeda::emulated
