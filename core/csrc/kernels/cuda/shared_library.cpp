#include "kernels/cuda/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <sstream>

#include "tensor/error.h"

namespace taeda::cuda {

namespace {

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, at);)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

// The folder that holds the folder of this library: site-packages, for an installed package.
std::string beside_the_package() {
    Dl_info info;
    if (!dladdr(reinterpret_cast<void*>(&beside_the_package), &info) || !info.dli_fname) return "";
    std::string path = info.dli_fname;
    for (int i = 0; i < 2; ++i) {
        size_t slash = path.rfind('/');
        if (slash == std::string::npos) return "";
        path.resize(slash);
    }
    return path;
}

}  // namespace

std::vector<std::string> library_folders(const LibraryFile& file) {
    std::vector<std::string> folders;
    if (const char* given = std::getenv("TAEDA_NVIDIA_LIBRARIES")) folders = split(given, ':');
    std::string packages = beside_the_package();
    for (const std::string& below : split(file.folders, ' ')) folders.push_back(packages + "/nvidia/" + below);
    return folders;
}

void* open_if_there(const LibraryFile& file, std::string* tried) {
    for (const std::string& name : split(file.names, ' ')) {
        // One that the process has already, brought by another package, serves as well and saves a second copy.
        if (void* loaded = dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD)) return loaded;
        for (const std::string& folder : library_folders(file))
            if (void* found = dlopen((folder + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL)) return found;
        if (void* found = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return found;
        const char* why = dlerror();
        if (tried) *tried += join("\n  ", name, ": ", why ? why : "not found");
    }
    return nullptr;
}

void* open_library(const LibraryFile& file) {
    std::string tried;
    if (void* found = open_if_there(file, &tried)) return found;
    std::string folders;
    for (const std::string& folder : library_folders(file)) folders += "\n  " + folder;
    raise("this operation needs ", split(file.names, ' ').front(),
          ", which could not be opened; install it with `pip install ", file.wheel,
          "` (or taeda[cuda]), or name its folder in TAEDA_NVIDIA_LIBRARIES. Tried:", tried,
          "\nin the system's folders and in:", folders);
}

void* find_function(void* library, const LibraryFile& file, const char* name) {
    void* function = dlsym(library, name);
    TAEDA_CHECK(function, split(file.names, ' ').front(), " has no function ", name,
                "; install a newer one with `pip install -U ", file.wheel, "`");
    return function;
}

}  // namespace taeda::cuda
