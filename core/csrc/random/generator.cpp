#include "random/generator.h"

namespace taeda {

Generator& default_generator() {
    static Generator* generator = new Generator(new GeneratorImpl);  // outlives static destruction
    return *generator;
}

}  // namespace taeda
