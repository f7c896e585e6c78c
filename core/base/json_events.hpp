// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mhub {

/// Is told what a JSON text consists of, one thing after another. For lists of 100,000 tensors, of which a
/// tree would be many times the size. Texts are valid until the call returns; those without an escape lie in
/// the text that is read.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void begin_object() = 0;
  virtual void key(std::string_view name) = 0;
  virtual void end_object() = 0;
  virtual void begin_list() = 0;
  virtual void end_list() = 0;
  virtual void string(std::string_view text) = 0;
  /// A number without sign, fraction and exponent that 64 bits hold.
  virtual void count(std::uint64_t number) = 0;
  /// true, false, null, and other numbers, as they stand there.
  virtual void other(std::string_view text) = 0;
};

/// Reads a text as RFC 8259 has it, in UTF-8. Keys that are there twice and how deep things nest are the
/// business of `events`. Throws InputError "`what`: not valid JSON: byte 12: expected ...".
void read_json_events(std::string_view text, const std::string& what, JsonEvents& events);

}  // namespace mhub
