// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <stdexcept>
#include <string>

namespace mhub {

/// What went wrong, seen from the caller; `mhub` turns it into its exit code.
enum class ErrorCategory {
  usage,        ///< the request makes no sense (exit 2)
  input,        ///< a file, config or checkpoint is damaged, contradicts itself or is not supported (exit 3)
  io,           ///< the operating system refused (exit 4)
  mismatch,     ///< a check ran and found a difference (exit 1)
  interrupted,  ///< the user stopped the work (exit 130)
};

/// The root of every exception that mhub throws on purpose. The message is one line that names the file and
/// the tensor, says what was expected and found, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCategory category, const std::string& message)
      : std::runtime_error(message), category_(category) {}
  ErrorCategory category() const noexcept { return category_; }

 private:
  ErrorCategory category_;
};

class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(ErrorCategory::usage, message) {}
};

class InputError : public Error {
 public:
  explicit InputError(const std::string& message) : Error(ErrorCategory::input, message) {}
};

/// Builds "operation path: reason" from `errno` where one is given.
class IoError : public Error {
 public:
  explicit IoError(const std::string& message) : Error(ErrorCategory::io, message) {}
  IoError(const std::string& operation, const std::string& path, int error_number)
      : Error(ErrorCategory::io, operation + " " + path + ": " + std::strerror(error_number)) {}
};

class MismatchError : public Error {
 public:
  explicit MismatchError(const std::string& message) : Error(ErrorCategory::mismatch, message) {}
};

class Interrupted : public Error {
 public:
  explicit Interrupted(const std::string& message) : Error(ErrorCategory::interrupted, message) {}
};

}  // namespace mhub
