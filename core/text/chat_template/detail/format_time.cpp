// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <clocale>
#include <ctime>
#include <locale.h>

#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"

namespace mhub::jinja {
namespace {

/// %f (microseconds), %z and %Z (empty without a time zone) are Python's own; the C library does the rest.
std::string replace_python_directives(const std::string& format, std::chrono::system_clock::time_point time) {
  const auto since_epoch = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch());
  const auto second = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::string microseconds = std::to_string((since_epoch - second).count());
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    const char directive = format[++i];
    if (directive == 'f') {
      out += std::string(6 - microseconds.size(), '0') + microseconds;
    } else if (directive != 'z' && directive != 'Z') {
      out += '%';
      out += directive;
    }
  }
  return out;
}

}  // namespace

std::string format_time(const std::string& format, std::chrono::system_clock::time_point time) {
  constexpr std::size_t kLongest = 1000;
  if (format.size() > kLongest) fail("strftime_now() with a format of more than 1000 bytes");
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr)
    fail("strftime_now() at a time that the calendar does not have");
  // A byte in front tells an empty result from one that did not fit.
  const std::string prepared = " " + replace_python_directives(format, time);
  std::array<char, 64 * 1024> buffer{};
  const ::locale_t c_locale = ::newlocale(LC_TIME_MASK, "C", nullptr);
  const std::size_t size = ::strftime_l(buffer.data(), buffer.size(), prepared.c_str(), &parts, c_locale);
  ::freelocale(c_locale);
  if (size == 0) fail("strftime_now() with a result of more than 64 KiB");
  return std::string(buffer.data() + 1, size - 1);
}

}  // namespace mhub::jinja
