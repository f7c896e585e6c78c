// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include "mhub/megatron/layout.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub::converters {

namespace po = boost::program_options;

/// One subcommand of `mhub`: gets the arguments behind its name and returns the exit code. Errors are thrown.
using Arguments = std::vector<std::string>;

int inspect_command(const Arguments& arguments);
int convert_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int download_command(const Arguments& arguments);
int upload_command(const Arguments& arguments);
int run_command(const Arguments& arguments);
int generate_command(const Arguments& arguments);
int logits_command(const Arguments& arguments);
int features_command(const Arguments& arguments);
int plugins_command(const Arguments& arguments);
int tokenize_command(const Arguments& arguments);

inline constexpr int kSchemaVersion = 2;  ///< of output.schema.json; counts what would break a reader

/// One JSON value on stdout, as --json prints it, with the number of its schema; `indent` as nlohmann's dump
/// takes it. The values are described in output.schema.json.
void print_json(nlohmann::json value, int indent = 1);
/// Whether a command line asks for JSON, also one that is wrong elsewhere.
bool asks_for_json(const Arguments& arguments);

/// Command line of one subcommand: options by name and positional arguments in order. Thin:
/// Boost.Program_options does the work, its errors become UsageError with the usage line.
class CommandLine {
 public:
  /// `usage` is the first help line; `positional` names the required positional arguments, `optional` those
  /// that may follow.
  CommandLine(std::string usage, std::vector<std::string> positional, std::vector<std::string> optional = {});
  po::options_description_easy_init add();
  /// Parses; prints the help and returns false for --help. Throws UsageError.
  bool parse(const Arguments& arguments);

  /// Prints a value where --json was given; whether it was.
  bool print_json(nlohmann::json value) const;
  bool has(const std::string& name) const { return values_.count(name) > 0; }
  template <typename T>
  T get(const std::string& name) const {
    return values_[name].as<T>();
  }
  template <typename T>
  std::optional<T> find(const std::string& name) const {
    return has(name) ? std::optional<T>(values_[name].as<T>()) : std::nullopt;
  }

 private:
  std::string usage_;
  std::vector<std::string> positional_, optional_;
  po::options_description visible_{"Options"}, hidden_;
  po::variables_map values_;
};

// Values of options, as the command line and recipes spell them. Each throws UsageError that says what was
// expected.
std::string parse_format(const std::string& text);
int parse_size(const std::string& text);
bool parse_flag(const std::string& text);
DType parse_dtype(const std::string& text);
TransformerImpl parse_impl(const std::string& text);
std::string parse_model_type(const std::string& text);
std::optional<std::int64_t> parse_iteration(const std::string& text);
std::int64_t parse_divisor(const std::string& text);
/// "5GB", "300MB", "1GiB", "1000000": transformers' notation, powers of ten unless it says "i".
std::uint64_t parse_bytes(const std::string& text);
int parse_jobs(const std::string& text);
/// Token ids with a comma or spaces between them; maybe none.
template <typename Id>
std::vector<Id> parse_token_list(std::string_view text);
/// The same; at least one.
std::vector<std::int64_t> parse_tokens(std::string_view text);

}  // namespace mhub::converters
