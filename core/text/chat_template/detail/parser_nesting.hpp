// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/parser.hpp"

namespace mhub::jinja {

/// Counts how deep the parser has called itself, so that "((((..." ends in an error and not in a stack
/// overflow.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : depth_(parser.nesting_) {
    if (++depth_ > kMaxSyntaxDepth) {
      --depth_;
      fail("nested deeper than " + std::to_string(kMaxSyntaxDepth) + " levels");
    }
  }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  int& depth_;
};

}  // namespace mhub::jinja
