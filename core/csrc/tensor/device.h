// Where a tensor's memory is.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

namespace taeda {

enum class DeviceType : uint8_t { cpu, meta, cuda };
constexpr int kDeviceTypes = 3;
constexpr int kMaxDevices = 64;  // of one type; more are not seen

struct Device {
    DeviceType type = DeviceType::cpu;
    int8_t index = -1;
    bool operator==(const Device&) const = default;
    bool is_cpu() const { return type == DeviceType::cpu; }
    bool is_meta() const { return type == DeviceType::meta; }
    bool is_cuda() const { return type == DeviceType::cuda; }
    std::string str() const;
    static Device parse(const std::string& text);  // "cpu", "meta", "cuda", "cuda:1"
};

inline std::ostream& operator<<(std::ostream& out, const Device& device) { return out << device.str(); }

}  // namespace taeda
