// Host code beside the kernels that needs no GPU: keys of plans, their cache, and where libraries are looked for. Built
// and run by test_host_code.py; prints what is wrong.
#include <cstdio>
#include <cstdlib>

#include "kernels/cuda/shared_library.h"
#include "kernels/plan_cache.h"

using namespace taeda;

#define EXPECT(condition) \
    if (!(condition)) std::printf("line %d: %s\n", __LINE__, #condition)

static void keys() {
    Dims sizes{2, 3}, longer{2, 3, 4};
    PlanKey one{1, 2}, same{1, 2}, other{2, 1}, shorter{1};
    EXPECT(one == same && PlanKey::Hash()(one) == PlanKey::Hash()(same));
    EXPECT(!(one == other) && !(one == shorter));
    EXPECT(PlanKey{1}.add(sizes) == PlanKey{1}.add(sizes));
    EXPECT(!(PlanKey{1}.add(sizes) == PlanKey{1}.add(longer)));
    // How many numbers a list has counts, so that neighbours cannot be mistaken for each other.
    EXPECT(!(PlanKey{}.add(Dims{1}).add(Dims{2, 3}) == PlanKey{}.add(Dims{1, 2}).add(Dims{3})));
    EXPECT(!(PlanKey{}.add(0.5) == PlanKey{}.add(0.25)));
    bool refused = false;
    try {
        PlanKey key{};
        for (int64_t i = 0; i < 65; ++i) key.add(i);
    } catch (const Error&) { refused = true; }
    EXPECT(refused);
}

static void plans_are_made_once() {
    PlanCache<int> cache;
    int made = 0;
    auto make = [&] { return ++made; };
    EXPECT(cache.get(PlanKey{1}, make) == 1 && cache.get(PlanKey{2}, make) == 2);
    EXPECT(cache.get(PlanKey{1}, make) == 1 && made == 2);
    for (int64_t i = 0; i < 1100; ++i) cache.get(PlanKey{i}, make);
    EXPECT(cache.get(PlanKey{2}, make) > 2);  // emptied on the way
}

static void a_missing_library_says_what_to_install() {
    setenv("TAEDA_NVIDIA_LIBRARIES", "/nowhere/a:/nowhere/b", 1);
    cuda::LibraryFile file{"libtaeda-none.so.9 libtaeda-none.so", "none/lib", "nvidia-none"};
    std::vector<std::string> folders = cuda::library_folders(file);
    EXPECT(folders.size() == 3 && folders[0] == "/nowhere/a" && folders[1] == "/nowhere/b");
    EXPECT(folders[2].ends_with("/nvidia/none/lib"));
    EXPECT(!cuda::open_if_there(file));
    std::string text;
    try {
        cuda::open_library(file);
    } catch (const Error& error) { text = error.what(); }
    for (const char* part : {"libtaeda-none.so.9", "pip install nvidia-none", "TAEDA_NVIDIA_LIBRARIES", "/nowhere/b"})
        EXPECT(text.find(part) != std::string::npos);
    cuda::LibraryFile c{"libm.so.6", "", "none"};
    void* library = cuda::open_library(c);
    EXPECT(cuda::find_function(library, c, "cos"));
    text.clear();
    try {
        cuda::find_function(library, c, "no_such_function");
    } catch (const Error& error) { text = error.what(); }
    EXPECT(text.find("libm.so.6 has no function no_such_function") == 0);
}

int main() {
    keys();
    plans_are_made_once();
    a_missing_library_says_what_to_install();
}
