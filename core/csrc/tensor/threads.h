// How many threads native code may use, and the one way to run a loop on them.
#pragma once

#include <cstdint>

namespace taeda {

// At first what OpenMP says (OMP_NUM_THREADS, else the cores). One inside a parallel loop, and one in a child after
// fork: OpenMP's threads do not survive a fork, and waiting for them would hang.
int num_threads();
void set_num_threads(int threads);  // >= 1, ValueError otherwise

// Calls body(context, from, to) for consecutive pieces of [begin, end), on several threads where there are more than
// `grain` steps and other programs leave the cores free. The first exception of a piece is raised again here.
void parallel_run(int64_t begin, int64_t end, int64_t grain, void (*body)(void* context, int64_t from, int64_t to),
                  void* context);

}  // namespace taeda
