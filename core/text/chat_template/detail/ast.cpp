// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/ast.hpp"

#include <algorithm>

#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"

namespace mhub::jinja {
namespace {

/// The depth of the deepest child.
class ChildDepth {
 public:
  int operator()(const Constant&) { return 0; }
  int operator()(const Name&) { return 0; }
  int operator()(const SequenceDisplay& node) { return see(node.items); }
  int operator()(const DictDisplay& node) {
    for (const auto& [key, value] : node.items) see(key), see(value);
    return deepest_;
  }
  int operator()(const Unary& node) { return see(node.operand); }
  int operator()(const Binary& node) { return see(node.left), see(node.right); }
  int operator()(const Logic& node) { return see(node.left), see(node.right); }
  int operator()(const Comparison& node) {
    see(node.first);
    for (const auto& [op, operand] : node.rest) see(operand);
    return deepest_;
  }
  int operator()(const Conditional& node) { return see(node.test), see(node.then), see(node.otherwise); }
  int operator()(const Concatenation& node) { return see(node.parts); }
  int operator()(const Attribute& node) { return see(node.object); }
  int operator()(const Subscript& node) { return see(node.object), see(node.index); }
  int operator()(const SliceSubscript& node) {
    return see(node.object), see(node.lower), see(node.upper), see(node.step);
  }
  int operator()(const Call& node) { return see(node.callee), see(node.arguments); }
  int operator()(const Filter& node) { return see(node.input), see(node.arguments); }
  int operator()(const Test& node) { return see(node.input), see(node.arguments); }

 private:
  int see(const ExpressionPtr& child) {
    if (child) deepest_ = std::max(deepest_, child->depth);
    return deepest_;
  }
  int see(const std::vector<ExpressionPtr>& children) {
    for (const ExpressionPtr& child : children) see(child);
    return deepest_;
  }
  int see(const CallArguments& arguments) {
    see(arguments.positional);
    for (const auto& [name, value] : arguments.named) see(value);
    see(arguments.star);
    return see(arguments.double_star);
  }

  int deepest_ = 0;
};

}  // namespace

ExpressionPtr make_expression(std::size_t line, decltype(Expression::node) node) {
  const int depth = 1 + std::visit(ChildDepth(), node);
  if (depth > kMaxSyntaxDepth)
    fail("expressions nested deeper than " + std::to_string(kMaxSyntaxDepth) + " levels");
  return std::make_unique<Expression>(Expression{line, depth, std::move(node)});
}

}  // namespace mhub::jinja
