// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "cli/tiny_llama.hpp"

namespace mhub::tests {

/// Every file below a folder by relative path, with its bytes.
inline std::map<std::string, std::string> folder_content(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(folder).string()] = TinyLlama::read_text(entry.path());
  }
  return files;
}

}  // namespace mhub::tests
