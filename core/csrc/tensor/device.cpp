#include "tensor/device.h"

#include <charconv>

#include "tensor/error.h"

namespace taeda {

std::string Device::str() const {
    constexpr const char* names[kDeviceTypes] = {"cpu", "meta", "cuda"};
    std::string text = names[int(type)];
    return index >= 0 ? text + ":" + std::to_string(index) : text;
}

Device Device::parse(const std::string& text) {
    Device device;
    size_t colon = text.find(':');
    std::string type = text.substr(0, colon);
    if (type == "cpu") device.type = DeviceType::cpu;
    else if (type == "meta") device.type = DeviceType::meta;
    else if (type == "cuda") device.type = DeviceType::cuda;
    else
        raise("Expected one of cpu, meta, cuda device type at start of device string: ", text,
              "; GPUs are 'cuda', and dtypes are objects such as taeda.float16");
    if (colon != std::string::npos) {
        int index = -1;
        const char* end = text.data() + text.size();
        auto parsed = std::from_chars(text.data() + colon + 1, end, index);
        TAEDA_CHECK(parsed.ec == std::errc() && parsed.ptr == end && index >= 0 && index < kMaxDevices,
                    "Invalid device string: '", text, "'; write it as 'cuda' or 'cuda:0'");
        device.index = int8_t(index);
    }
    return device;
}

}  // namespace taeda
