// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "command.hpp"

namespace mhub::converters {

/// Command line of one subcommand: options by name and positional arguments in order. Thin:
/// Boost.Program_options does the work, its errors become UsageError with the usage line.
class CommandLine {
 public:
  /// `usage` is the first help line; `positional` names the required positional arguments, `optional` those
  /// that may follow.
  CommandLine(std::string usage, std::vector<std::string> positional, std::vector<std::string> optional = {});
  boost::program_options::options_description_easy_init add();
  /// Parses; prints the help and returns false for --help. Throws UsageError.
  bool parse(const Arguments& arguments);

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
  boost::program_options::options_description visible_{"Options"}, hidden_;
  boost::program_options::variables_map values_;
};

}  // namespace mhub::converters
