"""Optimizer steps over lists of parameters, in place; see csrc/kernels/optim.h."""

from catalogue.families import op

op("_fused_sgd_(Tensor[] self, Tensor[] grads, Tensor[] momentum_buffers, *, float lr, float weight_decay, float momentum, "
   "float dampening, bool nesterov, bool maximize, bool is_first_step) -> ()", "One step of SGD.", where=())  # fmt: skip
for _name, _doc in (
    ("_fused_adam_", "Adam (Kingma and Ba 2015)"),
    ("_fused_adamw_", "AdamW (Loshchilov and Hutter 2019)"),
):
    op(f"{_name}(Tensor[] self, Tensor[] grads, Tensor[] exp_avgs, Tensor[] exp_avg_sqs, Tensor[] max_exp_avg_sqs, "
       "Tensor[] state_steps, *, float lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize) "
       "-> ()", f"One step of {_doc}.", where=())  # fmt: skip
op("_fused_rmsprop_(Tensor[] self, Tensor[] grads, Tensor[] square_avgs, Tensor[] grad_avgs, Tensor[] momentum_buffers, "
   "Tensor[] state_steps, *, float lr, float alpha, float eps, float weight_decay, float momentum, bool centered, "
   "bool maximize) -> ()", "One step of RMSprop.", where=())  # fmt: skip
op("_fused_adagrad_(Tensor[] self, Tensor[] grads, Tensor[] state_sums, Tensor[] state_steps, *, float lr, float lr_decay, "
   "float weight_decay, float eps, bool maximize) -> ()", "One step of Adagrad (Duchi et al. 2011).", where=())  # fmt: skip
op("_amp_foreach_non_finite_check_and_unscale_(Tensor[] self, Tensor found_inf, Tensor inv_scale) -> ()",
   "Multiplies gradients by inv_scale; found_inf becomes 1 if an element was infinite or NaN.", where=())  # fmt: skip
