// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/replacement.hpp"

#include "mhub/base/find_text.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {

Replacement::Replacement(const Settings& settings)
    : content_(settings.string("content")), regex_(settings.pattern("pattern")) {
  literal_ = settings.object("pattern").find_string("String");
  if (literal_ && literal_->empty()) literal_.reset();  // matches between all characters; the regex knows how
}

void Replacement::append_content(std::string& out) const {
  WorkLimit::made(content_.size());
  out.append(content_);
}

std::string Replacement::apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  std::size_t done = 0;
  if (literal_) {
    for (std::size_t at; (at = find_text(text, *literal_, done)) != std::string_view::npos;
         done = at + literal_->size())
      append_content(out.append(text, done, at - done));
  } else if (!text.empty()) {
    Regex::Matches matches(regex_, text);
    for (Range match{}; matches.next(match); done = match.end)
      append_content(out.append(text, done, match.begin - done));
  }
  out.append(text, done);
  return out;
}

bool Replacement::removes_start_of(std::string_view text) const {
  if (!content_.empty() || text.empty()) return false;
  Range first{};
  return Regex::Matches(regex_, text).next(first) && first.begin == 0 && first.end > 0;
}

}  // namespace mhub::text
