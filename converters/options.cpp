// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <iostream>

#include "mhub/base/error.hpp"

namespace po = boost::program_options;

namespace mhub::converters {

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

}  // namespace mhub::converters
