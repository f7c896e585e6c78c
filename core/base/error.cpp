// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"

#include <cstring>

namespace mhub {

IoError::IoError(const std::string& operation, const std::string& path, int error_number)
    : Error(ErrorCategory::io, operation + " " + path + ": " + std::strerror(error_number)) {}

}  // namespace mhub
