// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/find_text.hpp"

#include <cstring>
#include <string>

namespace mhub {

std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (wanted.empty() || from == text.size()) return wanted.empty() ? from : std::string_view::npos;
  // glibc's memmem is the two-way algorithm (string/memmem.c).
  const void* at = ::memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

std::size_t rfind_text(std::string_view text, std::string_view wanted) {
  const std::size_t at =
      find_text(std::string(text.rbegin(), text.rend()), std::string(wanted.rbegin(), wanted.rend()));
  return at == std::string_view::npos ? at : text.size() - at - wanted.size();
}

}  // namespace mhub
