// Runs the backward graph.
#pragma once

#include "autograd/meta.h"

namespace taeda {

// Sends `grads` into `roots` (undefined: ones for a single element). With `inputs`, returns the gradients that reach them
// (undefined where none does) and accumulates nothing, unless `accumulate`: then only into these inputs' .grad.
// `create_graph` records the backward itself. `keep_graph` leaves what was saved for another run.
Tensors run_backward(const Tensors& roots, Tensors grads, bool keep_graph, bool create_graph, const Tensors& inputs,
                     bool accumulate);

// Brings a gradient to the shape, dtype and device that its forward output had; raises naming `node` if it cannot.
Tensor fit_gradient(Tensor grad, const GradientMeta& meta, const char* node);

bool in_backward();

}  // namespace taeda
