// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <string_view>
#include <type_traits>

#include "mhub/text/settings.hpp"

namespace mhub::text {

/// A part of the text, not empty, on its way to the model. Valid during the call that hands it over.
struct Piece {
  std::string_view text;  ///< valid UTF-8
  bool at_start = false;  ///< begins at the start of the whole input
};

/// Where pieces go, in order: a reference to any callable that takes a Piece.
class PieceSink {
 public:
  template <typename Function>
  requires(!std::same_as<std::remove_const_t<Function>, PieceSink>)
      PieceSink(Function& function)  // NOLINT(google-explicit-constructor): as std::function_ref
      : object_(&function),
        call_([](void* object, Piece piece) { (*static_cast<Function*>(object))(piece); }) {}
  void operator()(Piece piece) const { call_(object_, piece); }

 private:
  void* object_;
  void (*call_)(void*, Piece);
};

/// Splits text into pieces that the model encodes one by one; may rewrite them. Immutable and thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Hands the parts of `piece` to `sink`, none of them empty.
  virtual void split(Piece piece, PieceSink sink) const = 0;
};

/// From the "pre_tokenizer" object of a tokenizer.json. Throws InputError.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Settings& settings);

}  // namespace mhub::text
