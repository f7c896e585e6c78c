#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace mhub {

/// Parses a JSON document strictly: no duplicate keys, at most 128 levels deep, valid UTF-8, nothing after
/// the end. Throws InputError that names `file` and the byte.
nlohmann::json parse_json(std::string_view text, const std::string& file);
/// The same, with the keys of objects in the order of the document.
nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& file);
/// The same for a file of at most `limit` bytes.
nlohmann::json parse_json_file(const std::string& path, std::uint64_t limit);

}  // namespace mhub
