// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/splitter.hpp"

#include <iterator>
#include <utility>

#include "mhub/base/find_text.hpp"

namespace mhub::text {

SplitBehavior split_behavior(const Settings& settings, const std::string& key) {
  static constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous},
  };
  const std::string name = settings.string(key);
  for (const auto& [known, behavior] : kNames) {
    if (known == name) return behavior;
  }
  settings.fail("there is no split behavior \"" + name +
                "\"; known are Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

void Splitter::add(std::size_t end, bool delimiter) {
  // Whether this part belongs to the one that is held.
  bool joins = false;
  switch (behavior_) {
    case SplitBehavior::removed:
    case SplitBehavior::isolated: break;
    case SplitBehavior::contiguous: joins = any_ && delimiter == last_delimiter_; break;
    case SplitBehavior::merged_with_previous: joins = any_ && delimiter && !last_delimiter_; break;
    case SplitBehavior::merged_with_next: joins = any_ && !delimiter && last_delimiter_; break;
  }
  if (!joins) {
    emit(held_begin_, end_);
    held_begin_ = end_;
  }
  end_ = end;
  if (behavior_ == SplitBehavior::removed && delimiter) held_begin_ = end;
  any_ = true;
  last_delimiter_ = delimiter;
}

void split_at_matches(Piece piece, const Regex& regex, bool invert, SplitBehavior behavior, PieceSink sink) {
  Splitter splitter(piece, behavior, sink);
  Regex::Matches matches(regex, piece.text);
  std::size_t done = 0;
  for (Range match{}; matches.next(match); done = match.end) {
    if (done < match.begin) splitter.add(match.begin, invert);
    splitter.add(match.end, !invert);
  }
  if (done < piece.text.size()) splitter.add(piece.text.size(), invert);
  splitter.finish();
}

void split_at_literal(Piece piece, std::string_view literal, SplitBehavior behavior, PieceSink sink) {
  Splitter splitter(piece, behavior, sink);
  std::size_t done = 0;
  for (std::size_t at; (at = find_text(piece.text, literal, done)) != std::string_view::npos;) {
    if (done < at) splitter.add(at, false);
    done = at + literal.size();
    splitter.add(done, true);
  }
  if (done < piece.text.size()) splitter.add(piece.text.size(), false);
  splitter.finish();
}

}  // namespace mhub::text
