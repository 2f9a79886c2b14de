"""Convolutions."""

from catalogue.families import FUNCTION, composite, op

op("convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, "
   "int[] output_padding, int groups) -> Tensor",
   "Cross-correlation over 1 to 3 spatial dimensions, or its transpose.", where=(FUNCTION,),
   vjp={"input": "conv_grad_input(grad, weight, input_sizes, stride, padding, dilation, transposed, groups)",
        "weight": "transposed ? conv_weight(conj(input), grad, weight_sizes, stride, padding, dilation, groups) : "
                  "conv_weight(grad, conj(input), weight_sizes, stride, padding, dilation, groups)",
        "bias": "conv_grad_bias(grad)"})  # fmt: skip
composite("conv_grad_input(Tensor grad, Tensor weight, int[] input_sizes, int[] stride, int[] padding, int[] dilation, "
          "bool transposed, int groups) -> Tensor", "Gradient of a convolution's input: the transposed convolution.", where=())
op("conv_weight(Tensor out_side, Tensor in_side, int[] weight_sizes, int[] stride, int[] padding, int[] dilation, int groups) -> Tensor",
   "Sums of products of what lies on a convolution's output and input sides, for each of its weights.", where=(),
   vjp={"out_side": "convolution(conj(in_side), grad, Tensor(), stride, padding, dilation, false, Dims(stride.size()), groups)",
        "in_side": "conj(conv_grad_input(out_side, grad, in_side_sizes, stride, padding, dilation, false, groups))"})  # fmt: skip
composite("conv_grad_bias(Tensor grad) -> Tensor", "Gradient of a convolution's bias.", where=())
for n in (1, 2, 3):
    composite(f"conv{n}d(Tensor input, Tensor weight, Tensor? bias=None, int[{n}] stride=1, int[{n}] padding=0, int[{n}] dilation=1, "
              "int groups=1) -> Tensor", f"Cross-correlation over {n} spatial dimension(s); input (N, C, ...) or (C, ...).",
              where=(FUNCTION,))  # fmt: skip
    composite(f"conv{n}d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[{n}] stride=1, str padding='valid', "
              f"int[{n}] dilation=1, int groups=1) -> Tensor", "padding 'valid' (none) or 'same' (output as large as the input).",
              where=(FUNCTION,))  # fmt: skip
    composite(f"conv_transpose{n}d(Tensor input, Tensor weight, Tensor? bias=None, int[{n}] stride=1, int[{n}] padding=0, "
              f"int[{n}] output_padding=0, int groups=1, int[{n}] dilation=1) -> Tensor",
              f"The transpose of conv{n}d: weight is (C_in, C_out / groups, ...).", where=(FUNCTION,))  # fmt: skip
