// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace mhub::jinja {

/// What ends a rendering or parsing, without its place; ChatTemplate adds template and line and throws
/// InputError.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What jinja2 or Python would raise as well.
[[noreturn]] inline void fail(const std::string& message) { throw Fault(message); }

/// What jinja2 can do and this interpreter cannot.
[[noreturn]] inline void unsupported(const std::string& construct) {
  throw Fault(construct + " is not supported");
}

}  // namespace mhub::jinja
