// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mhub::text {

/// Walks the fields of one protobuf message (protobuf.dev/programming-guides/encoding). Throws InputError
/// that begins with `origin` when the bytes are not a message.
class ProtobufReader {
 public:
  struct Field {
    std::uint32_t number = 0;
    std::uint64_t value = 0;  ///< of a varint or fixed field
    std::string_view bytes;   ///< of a string, bytes or message field
    bool is_bytes = false;

    std::int32_t as_int32() const { return static_cast<std::int32_t>(value); }
    float as_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
  };

  ProtobufReader(std::string_view message, const std::string& origin) : rest_(message), origin_(origin) {}
  /// False at the end.
  bool next(Field& field);

 private:
  [[noreturn]] void fail() const;
  std::uint64_t varint();
  std::uint64_t fixed(std::size_t bytes);

  std::string_view rest_;
  const std::string& origin_;
};

}  // namespace mhub::text
