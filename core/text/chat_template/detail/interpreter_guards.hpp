// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"

namespace mhub::jinja {

/// Counts nested evaluations, so that a macro without an end stops before the stack does.
class Interpreter::Depth {
 public:
  explicit Depth(Interpreter& interpreter) : depth_(interpreter.depth_) {
    if (++depth_ > kMaxEvaluationDepth) {
      --depth_;
      fail("maximum recursion depth exceeded");
    }
  }
  ~Depth() { --depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  int& depth_;
};

/// A scope below another one, current while this object lives.
class Interpreter::InnerScope {
 public:
  InnerScope(Interpreter& interpreter, std::shared_ptr<Scope> parent)
      : interpreter_(interpreter), outer_(interpreter.scope_) {
    interpreter.scope_ = std::make_shared<Scope>();
    interpreter.scope_->parent = std::move(parent);
  }
  explicit InnerScope(Interpreter& interpreter) : InnerScope(interpreter, interpreter.scope_) {}
  ~InnerScope() { interpreter_.scope_ = std::move(outer_); }
  InnerScope(const InnerScope&) = delete;
  InnerScope& operator=(const InnerScope&) = delete;

 private:
  Interpreter& interpreter_;
  std::shared_ptr<Scope> outer_;
};

/// What is printed goes into `text` while this object lives.
class Interpreter::Capture {
 public:
  Capture(Interpreter& interpreter, std::string& text)
      : interpreter_(interpreter), outer_(std::exchange(interpreter.output_, &text)) {}
  ~Capture() { interpreter_.output_ = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

 private:
  Interpreter& interpreter_;
  std::string* outer_;
};

}  // namespace mhub::jinja
