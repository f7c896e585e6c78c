// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mhub::text {

/// Bytes [begin, end) of a text.
struct Range {
  std::size_t begin, end;
  bool operator==(const Range&) const = default;
};

/// A regular expression as tokenizer.json writes it: Oniguruma in Ruby syntax over UTF-8, which is also what
/// the `tokenizers` package compiles it with. Thread-safe.
class Regex {
 public:
  /// `origin` names the file and key in errors. Throws InputError for a pattern that does not compile.
  Regex(const std::string& pattern, std::string origin);
  /// One that a user typed: throws UsageError instead.
  static Regex of_user(const std::string& pattern);
  /// Matches exactly this text.
  static Regex literal(const std::string& text, std::string origin);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// Finds matches from left to right without overlap. An empty match directly behind the match before it
  /// does not count. Throws InputError when a match needs more backtracking than Oniguruma allows.
  class Matches {
   public:
    Matches(const Regex& regex, std::string_view text);
    ~Matches();
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;
    /// False at the end.
    bool next(Range& match);

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

  /// Whether there is a match anywhere in the text; throws as Matches does.
  bool found_in(std::string_view text) const;

 private:
  struct Compiled;
  explicit Regex(std::unique_ptr<Compiled> compiled);

  std::unique_ptr<Compiled> compiled_;
};

}  // namespace mhub::text
