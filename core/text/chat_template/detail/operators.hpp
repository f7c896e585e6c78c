// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "mhub/text/chat_template/detail/value.hpp"

/// Python's operators on values. All fail as Python raises TypeError, ZeroDivisionError, ...; integers beyond
/// 64 bits are not supported.
namespace mhub::jinja {

enum class BinaryOperator { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class CompareOperator { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

Value apply(BinaryOperator op, const Value& left, const Value& right);
bool apply(CompareOperator op, const Value& left, const Value& right);
Value negative(const Value& value);
Value positive(const Value& value);

/// Fails as jinja2 does where an undefined value is used.
void refuse_undefined(const Value& value);

bool equal(const Value& left, const Value& right);
/// Python's <, for sorting.
bool less(const Value& left, const Value& right);
bool contains(const Value& container, const Value& item);

/// `text` in a slice or index position: the range of elements that obj[lower:upper:step] takes, as
/// slice.indices does.
struct SliceRange {
  std::int64_t start, stop, step;
};
SliceRange slice_range(const Value& lower, const Value& upper, const Value& step, std::size_t length);
Value slice(const Value& object, const Value& lower, const Value& upper, const Value& step);

}  // namespace mhub::jinja
