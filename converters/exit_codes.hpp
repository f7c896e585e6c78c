// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "mhub/base/error.hpp"

namespace mhub::converters {

inline constexpr int kBugCode = 70;  ///< EX_SOFTWARE of sysexits.h

int exit_code(ErrorCategory category);
/// The categories by the names that output.schema.json lists.
std::string_view category_name(int code);

/// What an exception says, and the exit code that it means.
struct Failure {
  int code = 0;
  std::string message;
};
Failure failure_of(const std::exception_ptr& error);

}  // namespace mhub::converters
