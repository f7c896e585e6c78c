// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>

#include "mhub/hub/http/driver.hpp"
#include "mhub/hub/repo_file.hpp"

namespace mhub::tests {

inline std::string hash_of(DigestKind kind, const std::string& text) {
  const auto digest = http_driver().make_digest(kind);
  digest->update(std::as_bytes(std::span(text)));
  return digest->hex();
}

/// A file as git and the Hub name it.
inline RepoFile listed(const std::string& name, const std::string& content, bool large) {
  RepoFile file{
      name, content.size(),
      hash_of(DigestKind::sha1, "blob " + std::to_string(content.size()) + std::string(1, '\0') + content)};
  if (large) file.sha256 = hash_of(DigestKind::sha256, content);
  return file;
}

/// Of several chunks; every one of them another.
inline const std::string& noise() {
  static const std::string text = [] {
    std::mt19937 random(7);
    std::string block(1 << 16, '\0'), all;
    for (char& c : block) c = static_cast<char>(random());
    for (int k = 0; all.size() < 30'000'000; ++k) {
      block[static_cast<std::size_t>(k)] ^= static_cast<char>(k);
      all += block;
    }
    all.resize(30'000'000);
    return all;
  }();
  return text;
}

}  // namespace mhub::tests
