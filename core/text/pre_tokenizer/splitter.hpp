// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "mhub/base/utf8.hpp"
#include "mhub/text/pre_tokenizer/pre_tokenizer.hpp"
#include "mhub/text/regex.hpp"

namespace mhub::text {

/// What becomes of the delimiters between pieces; named as in tokenizer.json.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// From the string under `key`. Throws InputError.
SplitBehavior split_behavior(const Settings& settings, const std::string& key);

/// Cuts one piece at delimiters that are found from left to right.
class Splitter {
 public:
  Splitter(Piece piece, SplitBehavior behavior, PieceSink sink)
      : piece_(piece), behavior_(behavior), sink_(sink) {}
  /// The part from the end of the last one to `end` is a delimiter or lies between delimiters.
  void add(std::size_t end, bool delimiter);
  /// After the last part.
  void finish() { emit(held_begin_, end_); }

 private:
  void emit(std::size_t begin, std::size_t end) const {
    if (begin < end) sink_({piece_.text.substr(begin, end - begin), piece_.at_start && begin == 0});
  }

  Piece piece_;
  SplitBehavior behavior_;
  PieceSink sink_;
  std::size_t held_begin_ = 0;  ///< [held_begin_, end_) was added and not handed on yet
  std::size_t end_ = 0;
  bool any_ = false;
  bool last_delimiter_ = false;
};

/// Every character for which `is_delimiter` holds is a delimiter of its own.
template <typename Predicate>
void split_at_characters(Piece piece, Predicate is_delimiter, SplitBehavior behavior, PieceSink sink) {
  Splitter splitter(piece, behavior, sink);
  std::size_t done = 0;
  for (std::size_t at = 0; at < piece.text.size();) {
    const std::size_t begin = at;
    if (!is_delimiter(next_character(piece.text, at))) continue;
    if (done < begin) splitter.add(begin, false);
    splitter.add(at, true);
    done = at;
  }
  if (done < piece.text.size()) splitter.add(piece.text.size(), false);
  splitter.finish();
}

/// Every match is a delimiter; with `invert`, everything between matches is.
void split_at_matches(Piece piece, const Regex& regex, bool invert, SplitBehavior behavior, PieceSink sink);

/// Every occurrence of `literal`, which must not be empty, is a delimiter.
void split_at_literal(Piece piece, std::string_view literal, SplitBehavior behavior, PieceSink sink);

}  // namespace mhub::text
