// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mhub::jinja {

/// How to write a number, for % and for str.format: the parts that both have.
struct NumberFormat {
  char type = 'd';         ///< d x X o b for integers; e E f F g G % for floats
  char sign = '-';         ///< '+', ' ' or '-' (only of negative numbers)
  bool alternate = false;  ///< 0x in front, a point in any case
  int precision = -1;      ///< digits behind the point; -1: 6
  char grouping = 0;       ///< ',' or '_' between thousands
};

/// The sign (with any 0x) and the digits apart, because padding with zeros goes between them.
struct NumberText {
  std::string prefix, digits;
};
NumberText format_integer(long long value, const NumberFormat& format);
NumberText format_real(double value, const NumberFormat& format);

}  // namespace mhub::jinja
