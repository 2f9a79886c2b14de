// NVIDIA's libraries, opened at run time: the package does not carry them, and works without those that are not used.
#pragma once

#include <string>
#include <vector>

namespace taeda::cuda {

struct LibraryFile {
    const char* names;    // file names to try, in order, separated by spaces: "libcudnn.so.9 libcudnn.so.8"
    const char* folders;  // where they lie below site-packages/nvidia, in order: "cudnn/lib"
    const char* wheel;    // what to install where they are missing
};

// Folders that are searched before the system's: TAEDA_NVIDIA_LIBRARIES (colon-separated), then those of the nvidia
// wheels installed beside the package.
std::vector<std::string> library_folders(const LibraryFile& file);

// Opens the first file that is found, else gives null and adds to `tried` what was tried. Never closed.
void* open_if_there(const LibraryFile& file, std::string* tried = nullptr);
// The same; raises with what was tried and what to install.
void* open_library(const LibraryFile& file);
// A function of an opened library; raises if it lacks the name.
void* find_function(void* library, const LibraryFile& file, const char* name);

}  // namespace taeda::cuda
