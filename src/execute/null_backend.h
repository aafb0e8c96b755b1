// A backend that plans and schedules but computes nothing: no kernel, no workspace. Programs for
// hardware that is not here are compiled with it, and golden texts, which must not depend on the
// machine.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace tutti {

std::unique_ptr<Backend> make_null_backend();

}  // namespace tutti
