// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/regex.hpp"

#include <mutex>
#include <oniguruma.h>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/unicode/recent_characters.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {
namespace {

void initialize_oniguruma() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
    // A retry inside of subexpression calls costs as much as there are calls, so the limit of retries does
    // not bound the time of recursive patterns.
    onig_set_subexp_call_limit_in_search(10'000);
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
  /// `Problem` is what a wrong pattern is.
  template <typename Problem>
  static std::unique_ptr<Compiled> make(const std::string& pattern, std::string origin);

  regex_t* regex = nullptr;
  std::string origin;
  ~Compiled() { onig_free(regex); }
};

template <typename Problem>
std::unique_ptr<Regex::Compiled> Regex::Compiled::make(const std::string& pattern, std::string origin) {
  initialize_oniguruma();
  auto made = std::make_unique<Compiled>();
  OnigErrorInfo info{};
  const UChar* begin = bytes(pattern);
  const int code = onig_new(&made->regex, begin, begin + pattern.size(), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8,
                            ONIG_SYNTAX_RUBY, &info);
  if (code != ONIG_NORMAL) {
    made->regex = nullptr;
    throw Problem(origin + ": the pattern \"" + pattern +
                  "\" is not a valid regular expression: " + reason(code, &info));
  }
  made->origin = std::move(origin);
  return made;
}

Regex::Regex(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}

Regex::Regex(const std::string& pattern, std::string origin)
    : Regex(Compiled::make<InputError>(pattern, std::move(origin))) {}

Regex Regex::of_user(const std::string& pattern) {
  return Regex(Compiled::make<UsageError>(pattern, "regular expression"));
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

bool Regex::found_in(std::string_view text) const {
  Range match{};
  return Matches(*this, text).next(match);
}

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
  constexpr std::size_t kStepsOfSearch = 1 << 10;  // the clock is looked at once in 16
  State& s = *state_;
  const UChar* begin = bytes(s.text);
  const UChar* end = begin + s.text.size();
  while (s.at <= s.text.size()) {
    WorkLimit::gone(kStepsOfSearch);
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
