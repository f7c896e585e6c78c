// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <system_error>

#include "mhub/base/error.hpp"

namespace mhub::tests {

/// A fresh folder under the system's temporary one, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((std::filesystem::temp_directory_path() / "mhub-test-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw IoError("cannot create a temporary folder");
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  /// The path of something in it.
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A predicate for BOOST_CHECK_EXCEPTION: the message contains every one of the parts.
template <typename... Parts>
auto message_has(const Parts&... parts) {
  return [=](const std::exception& error) {
    const std::string message = error.what();
    return ((message.find(parts) != std::string::npos) && ...);
  };
}

}  // namespace mhub::tests
