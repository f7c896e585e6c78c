// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/replace_all.hpp"

#include <utility>

#include "mhub/base/find_text.hpp"
#include "mhub/base/utf8.hpp"

namespace mhub::text {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  if (from.empty()) {
    out = to;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = utf8_length(text[at]);
      out.append(text, at, length).append(to);
      at += length;
    }
    text = std::move(out);
    return;
  }
  std::size_t done = 0;
  for (std::size_t at; (at = find_text(text, from, done)) != std::string::npos; done = at + from.size())
    out.append(text, done, at - done).append(to);
  if (done == 0) return;
  out.append(text, done);
  text = std::move(out);
}

void clean_up_spaces(std::string& text, bool contract_do_not) {
  static constexpr std::pair<std::string_view, std::string_view> kBefore[] = {
      {" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}};
  static constexpr std::pair<std::string_view, std::string_view> kAfter[] = {
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kBefore) replace_all(text, from, to);
  if (contract_do_not) replace_all(text, " do not", " don't");
  for (const auto& [from, to] : kAfter) replace_all(text, from, to);
}

}  // namespace mhub::text
