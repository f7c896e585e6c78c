// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/regex.hpp"

#include <mutex>
#include <oniguruma.h>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/unicode/recent_characters.hpp"

namespace mhub::text {
namespace {

void initialize_oniguruma() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
  });
}

std::string reason(int code, OnigErrorInfo* info) {
  UChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length =
      info != nullptr ? onig_error_code_to_str(text, code, info) : onig_error_code_to_str(text, code);
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

const UChar* bytes(std::string_view text) { return reinterpret_cast<const UChar*>(text.data()); }

}  // namespace

struct Regex::Compiled {
  regex_t* regex = nullptr;
  std::string origin;
  ~Compiled() { onig_free(regex); }
};

Regex::Regex(const std::string& pattern, std::string origin) : compiled_(std::make_unique<Compiled>()) {
  initialize_oniguruma();
  OnigErrorInfo info{};
  const UChar* begin = bytes(pattern);
  const int code = onig_new(&compiled_->regex, begin, begin + pattern.size(), ONIG_OPTION_NONE,
                            ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
  if (code != ONIG_NORMAL) {
    compiled_->regex = nullptr;
    throw InputError(origin + ": the pattern \"" + pattern +
                     "\" is not a valid regular expression: " + reason(code, &info));
  }
  compiled_->origin = std::move(origin);
}

Regex Regex::literal(const std::string& text, std::string origin) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$#&-~ ").find(c) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return {pattern, std::move(origin)};
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

struct Regex::Matches::State {
  State() { onig_initialize_match_param(limits); }
  ~State() {
    onig_free_match_param(limits);
    onig_region_free(region, 1);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Compiled* compiled = nullptr;
  std::string substituted;  ///< what is searched when `text` holds characters that Oniguruma may not know
  std::string_view text;
  OnigRegion* region = onig_region_new();
  std::size_t at = 0;
  std::size_t last_end = 0;
  bool matched = false;  ///< there was a match before, and it ended at last_end
  OnigMatchParam* limits = onig_new_match_param();
};

Regex::Matches::Matches(const Regex& regex, std::string_view text) : state_(std::make_unique<State>()) {
  state_->compiled = regex.compiled_.get();
  state_->substituted = with_old_characters(text);
  state_->text = state_->substituted.empty() ? text : state_->substituted;
  // Oniguruma's own limit, which stops exponential patterns, is less than a run of ten million spaces needs.
  const std::size_t limit = 10'000'000 + 8 * text.size();
  onig_set_retry_limit_in_match_of_match_param(state_->limits, limit);
  onig_set_retry_limit_in_search_of_match_param(state_->limits, 4 * limit);
}

Regex::Matches::~Matches() = default;

bool Regex::Matches::next(Range& match) {
  State& s = *state_;
  const UChar* begin = bytes(s.text);
  const UChar* end = begin + s.text.size();
  while (s.at <= s.text.size()) {
    const int code = onig_search_with_param(s.compiled->regex, begin, end, begin + s.at, end, s.region,
                                            ONIG_OPTION_NONE, s.limits);
    if (code == ONIG_MISMATCH) return false;
    if (code < 0) throw InputError(s.compiled->origin + ": matching failed: " + reason(code, nullptr));
    match = {static_cast<std::size_t>(s.region->beg[0]), static_cast<std::size_t>(s.region->end[0])};
    if (match.begin == match.end && s.matched && s.last_end == match.end) {
      s.at += s.at < s.text.size() ? utf8_length(s.text[s.at]) : 1;
      continue;
    }
    s.at = match.end;
    s.last_end = match.end;
    s.matched = true;
    return true;
  }
  return false;
}

}  // namespace mhub::text
