#include "random/generator.h"

#include "tensor/error.h"

namespace taeda {

namespace {

// Never destroyed: tensors may be drawn during static destruction.
struct DeviceGenerators {
    std::mutex mutex;
    std::optional<uint64_t> seed;
    std::array<Generator, size_t(kMaxDevices)> all;
};
DeviceGenerators& device_generators() {
    static DeviceGenerators* made = new DeviceGenerators;
    return *made;
}

}  // namespace

Generator& default_generator(Device device) {
    static Generator* cpu = new Generator(new GeneratorImpl);
    if (!device.is_cuda()) return *cpu;
    DeviceGenerators& others = device_generators();
    std::lock_guard lock(others.mutex);
    Generator& found = others.all[size_t(std::max<int8_t>(device.index, 0))];
    if (!found) {
        found = Generator(new GeneratorImpl);
        found->device = {device.type, std::max<int8_t>(device.index, 0)};
        if (others.seed) found->manual_seed(*others.seed);
    }
    return found;
}

void seed_devices(uint64_t seed) {
    DeviceGenerators& others = device_generators();
    std::lock_guard lock(others.mutex);
    others.seed = seed;
    for (Generator& g : others.all)
        if (g) g->manual_seed(seed);
}

GeneratorImpl& generator_or_default(const Generator& g, Device device) {
    if (!g) return *default_generator(device);
    TAEDA_CHECK(g->device.type == device.type || device.is_meta(), "Expected a '", Device{device.type}.str(),
                "' device type for generator but found '", Device{g->device.type}.str(),
                "'; make it with taeda.Generator(device='", Device{device.type}.str(), "')");
    return *g;
}

}  // namespace taeda
