// Optimizer steps: checks, and copies of what is not laid out as the kernels need it.
#include "kernels/optim.h"

#include "kernels/copy.h"
#include "native.h"

namespace taeda::native {

namespace {

// Whether the elements fill their memory without gaps, in whatever order of dimensions.
bool is_dense(const Tensor& t) {
    if (t.is_contiguous()) return true;
    Dims sizes(t.sizes()), strides(t.strides());
    int64_t expected = 1;
    for (size_t done = 0; done < sizes.size(); ++done) {
        size_t next = sizes.size();
        for (size_t d = 0; d < sizes.size(); ++d)
            if (sizes[d] >= 0 && (sizes[d] == 1 || strides[d] == expected)) next = d;
        if (next == sizes.size()) return false;
        expected *= sizes[next];
        sizes[next] = -1;
    }
    return true;
}

// The lists of one call. Parameters whose tensors are not dense in one common order are worked on in copies.
class Step {
public:
    Step(const char* op, TensorList params, std::initializer_list<std::pair<const char*, TensorList>> others)
        : op_(op) {
        lists_.emplace_back(params.begin(), params.end());
        for (const auto& [name, list] : others) {
            TAEDA_CHECK(list.empty() || list.size() == params.size(), op, ": ", name, " has ", list.size(),
                        " tensors, but self has ", params.size());
            lists_.emplace_back(list.begin(), list.end());
            for (size_t i = 0; i < list.size(); ++i) check(name, list[i], params[i], i);
        }
        for (size_t i = 0; i < params.size(); ++i)
            if (!fits(i)) densify(i);
    }
    TensorList operator[](size_t i) const { return lists_[i]; }
    DeviceType device() const { return lists_[0].empty() ? DeviceType::cpu : lists_[0][0].device().type; }

    // Writes copies back, and tells autograd what has changed; the gradients (list 1) have not.
    void finish(TensorList params) {
        for (const auto& [original, copy] : copies_) copy_kernel(original.device().type, original, copy);
        for (const Tensor& p : params) p.bump_version();
        for (size_t l = 2; l < lists_.size(); ++l)
            for (const Tensor& t : lists_[l]) t.bump_version();
    }

private:
    void check(const char* name, const Tensor& t, const Tensor& param, size_t i) const {
        TAEDA_CHECK(t.sizes() == param.sizes(), op_, ": ", name, "[", i, "] has shape ", t.sizes(), ", but self[", i,
                    "] has shape ", param.sizes());
        TAEDA_CHECK(t.dtype() == param.dtype(), op_, ": ", name, "[", i, "] has dtype ", t.dtype(), ", but self[", i,
                    "] has dtype ", param.dtype());
    }
    bool fits(size_t i) const {
        if (!is_dense(lists_[0][i])) return false;
        for (const Tensors& list : lists_)
            if (!list.empty() && !(list[i].strides() == lists_[0][i].strides())) return false;
        return true;
    }
    void densify(size_t i) {
        for (size_t l = 0; l < lists_.size(); ++l) {
            if (lists_[l].empty()) continue;
            Tensor& t = lists_[l][i];
            Tensor copy = empty_tensor(t.sizes(), t.dtype(), t.device());
            copy_kernel(copy.device().type, copy, t);
            if (l != 1) copies_.emplace_back(t, copy);
            t = copy;
        }
    }

    const char* op_;
    std::vector<Tensors> lists_;
    std::vector<std::pair<Tensor, Tensor>> copies_;
};

void check_steps(const char* op, TensorList params, TensorList steps) {
    TAEDA_CHECK(steps.size() == params.size(), op, ": state_steps has ", steps.size(), " tensors, but self has ",
                params.size());
    for (const Tensor& s : steps)
        TAEDA_CHECK(s.numel() == 1 && (s.dtype() == DType::float32 || s.dtype() == DType::float64), op,
                    ": state_steps must be float32 or float64 tensors of one element, got shape ", s.sizes(),
                    " and dtype ", s.dtype());
}

void adam(const char* op, TensorList self, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
          TensorList max_exp_avg_sqs, TensorList state_steps, const AdamOptions& options) {
    check_steps(op, self, state_steps);
    Step s(
        op, self,
        {{"grads", grads}, {"exp_avgs", exp_avgs}, {"exp_avg_sqs", exp_avg_sqs}, {"max_exp_avg_sqs", max_exp_avg_sqs}});
    adam_step_kernel(s.device(), s[0], s[1], s[2], s[3], s[4], state_steps, options);
    s.finish(self);
}

}  // namespace

void _fused_sgd_(TensorList self, TensorList grads, TensorList momentum_buffers, double lr, double weight_decay,
                 double momentum, double dampening, bool nesterov, bool maximize, bool is_first_step) {
    Step s("_fused_sgd_", self, {{"grads", grads}, {"momentum_buffers", momentum_buffers}});
    SgdOptions options{lr, weight_decay, momentum, dampening, nesterov, maximize, is_first_step};
    sgd_step_kernel(s.device(), s[0], s[1], s[2], options);
    s.finish(self);
}

void _fused_adam_(TensorList self, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                  TensorList max_exp_avg_sqs, TensorList state_steps, double lr, double beta1, double beta2,
                  double weight_decay, double eps, bool amsgrad, bool maximize) {
    adam("_fused_adam_", self, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps,
         {lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, false});
}

void _fused_adamw_(TensorList self, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                   TensorList max_exp_avg_sqs, TensorList state_steps, double lr, double beta1, double beta2,
                   double weight_decay, double eps, bool amsgrad, bool maximize) {
    adam("_fused_adamw_", self, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps,
         {lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, true});
}

void _fused_rmsprop_(TensorList self, TensorList grads, TensorList square_avgs, TensorList grad_avgs,
                     TensorList momentum_buffers, TensorList state_steps, double lr, double alpha, double eps,
                     double weight_decay, double momentum, bool centered, bool maximize) {
    check_steps("_fused_rmsprop_", self, state_steps);
    Step s("_fused_rmsprop_", self,
           {{"grads", grads},
            {"square_avgs", square_avgs},
            {"grad_avgs", grad_avgs},
            {"momentum_buffers", momentum_buffers}});
    RmspropOptions options{lr, alpha, eps, weight_decay, momentum, centered, maximize};
    rmsprop_step_kernel(s.device(), s[0], s[1], s[2], s[3], s[4], state_steps, options);
    s.finish(self);
}

void _fused_adagrad_(TensorList self, TensorList grads, TensorList state_sums, TensorList state_steps, double lr,
                     double lr_decay, double weight_decay, double eps, bool maximize) {
    check_steps("_fused_adagrad_", self, state_steps);
    Step s("_fused_adagrad_", self, {{"grads", grads}, {"state_sums", state_sums}});
    AdagradOptions options{lr, lr_decay, weight_decay, eps, maximize};
    adagrad_step_kernel(s.device(), s[0], s[1], s[2], state_steps, options);
    s.finish(self);
}

void _amp_foreach_non_finite_check_and_unscale_(TensorList self, const Tensor& found_inf, const Tensor& inv_scale) {
    const char* op = "_amp_foreach_non_finite_check_and_unscale_";
    for (const Tensor& number : {found_inf, inv_scale})
        TAEDA_CHECK(number.numel() == 1 && number.dtype() == DType::float32, op,
                    ": found_inf and inv_scale must be float32 tensors of one element, got shape ", number.sizes(),
                    " and dtype ", number.dtype());
    for (const Tensor& t : self) {
        TAEDA_CHECK(is_floating(t.dtype()), op, ": expected floating gradients, got ", t.dtype());
        TAEDA_CHECK(t.device() == found_inf.device() && t.device() == inv_scale.device(), op,
                    ": expected all tensors to be on the same device, but found gradients on ", t.device(),
                    ", found_inf on ", found_inf.device(), " and inv_scale on ", inv_scale.device());
    }
    if (self.empty()) return;  // the list alone says which device's kernel to use
    Step s(op, self, {});
    unscale_gradients_kernel(s.device(), s[0], found_inf, inv_scale);
    found_inf.bump_version();
    s.finish(self);
}

}  // namespace taeda::native
