// Defines every kernel stub that the family headers declare.
#define TAEDA_DEFINE_KERNELS
#include "kernels/conv.h"
#include "kernels/copy.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"
#include "kernels/scan.h"
#include "kernels/softmax.h"
