// SPDX-License-Identifier: Apache-2.0
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
/// A config.json or generation_config.json, as Python's json module takes it: numbers may be Infinity,
/// -Infinity and NaN. They become {"__float__": "Infinity"}, transformers 5's own form of them
/// (configuration_utils.py, _FLOAT_TAG_KEY).
nlohmann::json parse_config(std::string_view text, const std::string& file);
/// The text of such a file. Infinity is written as such, which transformers 4 and 5 read.
std::string config_text(const nlohmann::json& config);
/// For those that give a document to a parser of nlohmann's themselves: its lexer takes a NUL byte for the
/// end of the input (lexer::get and "case '\0'" in lexer::scan), and what lies behind it would never be seen.
/// Throws InputError that names `file` and the byte.
void require_no_nul(std::string_view text, const std::string& file);
/// What nlohmann's exception says of a text, without its tag: "parse error at line 1, column 2: ...".
std::string json_problem(const std::string& what);
/// The JSON text of a value, in one line unless `indent` says otherwise. Names of files need not be UTF-8,
/// which JSON has to be: bytes that are none become U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);
/// parse_json for a file of at most `limit` bytes.
nlohmann::json parse_json_file(const std::string& path, std::uint64_t limit);

}  // namespace mhub
