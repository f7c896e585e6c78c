// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/number_format.hpp"

#include <cctype>
#include <cmath>
#include <cstdio>
#include <vector>

#include "mhub/text/chat_template/detail/fault.hpp"

namespace mhub::jinja {
namespace {

std::string sign_text(bool negative, const NumberFormat& format) {
  if (negative) return "-";
  return format.sign == '-' ? "" : std::string(1, format.sign);
}

std::string group(const std::string& digits, char grouping, std::size_t every) {
  if (grouping == 0) return digits;
  std::size_t whole = 0;
  while (whole < digits.size() && std::isxdigit(static_cast<unsigned char>(digits[whole])) != 0) ++whole;
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i < whole && (whole - i) % every == 0) out += grouping;
    out += digits[i];
  }
  return out;
}

}  // namespace

NumberText format_integer(long long value, const NumberFormat& format) {
  const bool negative = value < 0;
  auto rest =
      negative ? 0ULL - static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value);
  const unsigned base = format.type == 'x' || format.type == 'X' ? 16
                        : format.type == 'o'                     ? 8
                        : format.type == 'b'                     ? 2
                                                                 : 10;
  const char* alphabet = format.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), alphabet[rest % base]);
    rest /= base;
  } while (rest > 0);
  NumberText text{sign_text(negative, format), group(digits, format.grouping, base == 10 ? 3 : 4)};
  if (format.alternate && base != 10) text.prefix += std::string("0") + format.type;
  return text;
}

NumberText format_real(double value, const NumberFormat& format) {
  NumberText text;
  text.prefix = sign_text(std::signbit(value) && !std::isnan(value), format);
  double magnitude = std::fabs(value);
  if (!std::isfinite(magnitude)) {
    text.digits = std::isnan(magnitude) ? "nan" : "inf";
    if (std::isupper(static_cast<unsigned char>(format.type)) != 0)
      text.digits = std::isnan(magnitude) ? "NAN" : "INF";
    if (format.type == '%') text.digits += '%';
    return text;
  }
  const bool percent = format.type == '%';
  if (percent) magnitude *= 100;
  const int precision = format.precision < 0 ? 6 : format.precision;
  if (precision > 1000) unsupported("a precision of more than 1000 digits");
  const std::string pattern =
      std::string("%") + (format.alternate ? "#" : "") + ".*" + (percent ? 'f' : format.type);
  std::vector<char> buffer(static_cast<std::size_t>(precision) + 400);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int size = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), precision, magnitude);
#pragma GCC diagnostic pop
  text.digits = group(std::string(buffer.data(), static_cast<std::size_t>(size)), format.grouping, 3);
  if (percent) text.digits += '%';
  return text;
}

}  // namespace mhub::jinja
