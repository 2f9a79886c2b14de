// Plans of library calls (primitives, algorithms with their descriptors), made once per shape and kept.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <initializer_list>
#include <unordered_map>

#include "tensor/tensor.h"

namespace taeda {

// What a plan depends on, as numbers.
class PlanKey {
public:
    PlanKey(std::initializer_list<int64_t> parts) {
        for (int64_t p : parts) add(p);
    }
    PlanKey& add(int64_t part) {
        TAEDA_CHECK(count_ < int(parts_.size()), "the key of a kernel's plan has more than ", parts_.size(), " parts");
        parts_[size_t(count_++)] = part;
        return *this;
    }
    PlanKey& add(double part) { return add(std::bit_cast<int64_t>(part)); }
    PlanKey& add(Ints parts) {
        add(int64_t(parts.size()));
        for (int64_t p : parts) add(p);
        return *this;
    }
    // Dtype, sizes and strides; an undefined tensor counts too.
    PlanKey& add(const Tensor& t) {
        if (!t.defined()) return add(int64_t(-1));
        return add(int64_t(t.dtype())).add(t.sizes()).add(t.strides());
    }
    bool operator==(const PlanKey& o) const {
        return count_ == o.count_ && std::equal(parts_.begin(), parts_.begin() + count_, o.parts_.begin());
    }
    struct Hash {
        size_t operator()(const PlanKey& key) const {
            uint64_t h = uint64_t(key.count_);
            for (int i = 0; i < key.count_; ++i) {
                h = (h ^ uint64_t(key.parts_[size_t(i)])) * 0x9e3779b97f4a7c15u;
                h ^= h >> 29;
            }
            return size_t(h);
        }
    };

private:
    std::array<int64_t, 64> parts_;
    int count_ = 0;
};

// One per thread, so no lock is taken and what a plan holds can be changed. Emptied when it has grown to `limit` plans.
template <class Plan> class PlanCache {
public:
    template <class Make> Plan& get(const PlanKey& key, Make&& make) {
        auto found = map_.find(key);
        if (found != map_.end()) return found->second;
        if (map_.size() >= limit) map_.clear();
        return map_.emplace(key, make()).first->second;
    }

private:
    static constexpr size_t limit = 1024;
    std::unordered_map<PlanKey, Plan, PlanKey::Hash> map_;
};

}  // namespace taeda
