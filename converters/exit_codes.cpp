// SPDX-License-Identifier: Apache-2.0
#include "exit_codes.hpp"

#include <new>
#include <system_error>

namespace mhub::converters {

int exit_code(ErrorCategory category) {
  switch (category) {
    case ErrorCategory::mismatch: return 1;
    case ErrorCategory::usage: return 2;
    case ErrorCategory::input: return 3;
    case ErrorCategory::io: return 4;
    case ErrorCategory::interrupted: return 130;
  }
  return 4;
}

std::string_view category_name(int code) {
  switch (code) {
    case 1: return "mismatch";
    case 2: return "usage";
    case 3: return "input";
    case 4: return "io";
    case 130: return "interrupted";
    default: return "bug";
  }
}

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& what) {
    return {exit_code(what.category()), what.what()};
  } catch (const std::bad_alloc&) {
    return {4, "out of memory"};
  } catch (const std::system_error& what) {
    return {4, what.what()};
  } catch (const std::exception& what) {
    // No file or flag should come this far.
    return {kBugCode,
            std::string("a bug in mhub or in a plugin: ") + what.what() +
                "; please report it, with the command and the config.json or the checkpoint's args"};
  }
}

}  // namespace mhub::converters
