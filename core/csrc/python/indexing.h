// tensor[index], tensor[index] = value, tensors from nested data and back, and node wrappers.
#pragma once

#include "autograd/node.h"
#include "python/object.h"

namespace taeda::python {

Tensor get_item(const Tensor& self, PyObject* index);
void set_item(const Tensor& self, PyObject* index, PyObject* value);

// A tensor of numbers, nested sequences of numbers, a tensor, or anything with a buffer or array interface.
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype = {}, std::optional<Device> device = {});
PyObject* to_list(const Tensor& t);

// NumPy arrays and other exporters of memory, without a copy; interop.cpp.
bool is_array(PyObject* o);
Tensor from_array(PyObject* array);

PyObject* wrap_node(const Ref<Node>& node);  // autograd.cpp

}  // namespace taeda::python
