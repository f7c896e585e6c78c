// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iostream>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/formats/format.hpp"
#include "terminal.hpp"

namespace mhub::converters {
namespace {

/// A whole number from `least` to `most`; `range` says so in words.
std::int64_t number(const std::string& text, std::int64_t least, std::int64_t most,
                    const std::string& range) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (!whole && parsed.ec != std::errc::result_out_of_range)
    throw UsageError("expected an integer, found \"" + text + "\"");
  if (!whole || value < least || value > most) throw UsageError("expected " + range + ", found " + text);
  return value;
}

}  // namespace

void print_json(nlohmann::json value, int indent) {
  value["schema_version"] = kSchemaVersion;
  show(Shown::exact);
  std::cout << json_text(value, indent) << '\n';
}

bool asks_for_json(const Arguments& arguments) {
  return std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
}

CommandLine::CommandLine(std::string usage, std::vector<std::string> positional,
                         std::vector<std::string> optional)
    : usage_(std::move(usage)), positional_(std::move(positional)), optional_(std::move(optional)) {
  for (const auto* names : {&positional_, &optional_}) {
    for (const std::string& name : *names) hidden_.add_options()(name.c_str(), po::value<std::string>());
  }
  visible_.add_options()("help,h", "show this help");
}

po::options_description_easy_init CommandLine::add() { return visible_.add_options(); }

bool CommandLine::parse(const Arguments& arguments) {
  po::positional_options_description order;
  for (const auto* names : {&positional_, &optional_}) {
    for (const std::string& name : *names) order.add(name.c_str(), 1);
  }
  po::options_description all;
  all.add(visible_).add(hidden_);
  try {
    // No guessing: an abbreviated option that works today may be ambiguous tomorrow.
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(all).positional(order).style(style).run(), values_);
    po::notify(values_);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : visible_.options()) names.push_back("--" + option->long_name());
    throw UsageError(std::string(error.what()) + "; did you mean " +
                     nearest_name(error.get_option_name(), names) + "? usage: " + usage_);
  } catch (const po::error& error) {
    throw UsageError(std::string(error.what()) + "; usage: " + usage_);
  }
  if (has("help")) {
    std::cout << "usage: " << usage_ << "\n\n" << visible_;
    return false;
  }
  for (const std::string& name : positional_) {
    if (!has(name)) throw UsageError("missing " + name + "; usage: " + usage_);
  }
  return true;
}

bool CommandLine::print_json(nlohmann::json value) const {
  if (!has("json")) return false;
  converters::print_json(std::move(value));
  return true;
}

std::string parse_format(const std::string& text) { return std::string(format_named(text).name()); }

int parse_size(const std::string& text) { return static_cast<int>(number(text, 1, 65536, "1 .. 65536")); }

bool parse_flag(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw UsageError("expected true or false, found \"" + text + "\"");
}

DType parse_dtype(const std::string& text) {
  if (text == "bf16" || text == "bfloat16") return DType::bf16;
  if (text == "fp16" || text == "float16") return DType::f16;
  if (text == "fp32" || text == "float32") return DType::f32;
  throw UsageError("expected bf16, fp16 or fp32, found \"" + text + "\"");
}

TransformerImpl parse_impl(const std::string& text) {
  if (text == "te" || text == "transformer_engine") return TransformerImpl::transformer_engine;
  if (text == "local") return TransformerImpl::local;
  throw UsageError("expected te or local, found \"" + text + "\"");
}

std::string parse_model_type(const std::string& text) {
  if (text == "gpt" || text == "hybrid" || text == "vlm") return text;
  throw UsageError("expected gpt, hybrid or vlm, found \"" + text + "\"");
}

std::optional<std::int64_t> parse_iteration(const std::string& text) {
  if (text == "release") return std::nullopt;
  // Older Megatron-LM versions refuse iteration 0 (checkpointing.py, read_metadata).
  return number(text, 1, 9999999, "release or 1 .. 9999999");
}

std::int64_t parse_divisor(const std::string& text) { return number(text, 1, 1 << 30, "1 .. 1073741824"); }

std::uint64_t parse_bytes(const std::string& text) {
  struct Unit {
    const char* name;
    double bytes;
  };
  constexpr std::array<Unit, 10> kUnits{{{"", 1},
                                         {"B", 1},
                                         {"KB", 1e3},
                                         {"MB", 1e6},
                                         {"GB", 1e9},
                                         {"TB", 1e12},
                                         {"KIB", 1024.0},
                                         {"MIB", 1048576.0},
                                         {"GIB", 1073741824.0},
                                         {"TIB", 1099511627776.0}}};
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit(parsed.ptr, text.data() + text.size());
  for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const Unit& one : kUnits) {
    if (parsed.ec == std::errc() && unit == one.name && value * one.bytes >= 1 && value * one.bytes < 1e18)
      return static_cast<std::uint64_t>(value * one.bytes);
  }
  throw UsageError("expected a size like 5GB or 300MiB, found \"" + text + "\"");
}

int parse_jobs(const std::string& text) { return static_cast<int>(number(text, 0, 1024, "0 .. 1024")); }

template <typename Id>
std::vector<Id> parse_token_list(std::string_view text) {
  constexpr std::string_view kSpaces = " \n";
  const auto skip_spaces = [&] {
    text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  };
  std::vector<Id> ids;
  skip_spaces();
  for (bool more = !text.empty(); more;) {
    const std::string_view digits = text.substr(0, text.find_first_of(", \n"));
    Id id = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    if (error != std::errc() || end != digits.data() + digits.size() || id < 0)
      throw UsageError("\"" + std::string(digits) + "\" is not a token id; write ids as 1,2,3");
    ids.push_back(id);
    text.remove_prefix(digits.size());
    skip_spaces();
    const bool comma = text.starts_with(',');
    if (comma) text.remove_prefix(1);
    skip_spaces();
    more = comma || !text.empty();
  }
  return ids;
}

template std::vector<std::int32_t> parse_token_list(std::string_view text);
template std::vector<std::int64_t> parse_token_list(std::string_view text);

std::vector<std::int64_t> parse_tokens(std::string_view text) {
  auto ids = parse_token_list<std::int64_t>(text);
  if (ids.empty()) throw UsageError("expected token ids, as 1,2,3, found none");
  return ids;
}

}  // namespace mhub::converters
