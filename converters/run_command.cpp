// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "mhub/base/error.hpp"
#include "options.hpp"
#include "parse.hpp"
#include "recipe.hpp"

namespace po = boost::program_options;

namespace mhub::converters {

int run_command(const Arguments& arguments) {
  CommandLine line("mhub run RECIPE.yaml [--set key=value]... [--dry-run] [--json]", {"RECIPE"});
  line.add()("set", po::value<std::vector<std::string>>()->composing(), "replace a key of every conversion")(
      "dry-run", "plan every conversion and write nothing")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  std::vector<std::pair<std::string, std::string>> overrides;
  for (const std::string& pair :
       line.find<std::vector<std::string>>("set").value_or(std::vector<std::string>{})) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw UsageError("--set " + pair + ": expected key=value");
    overrides.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  const Recipe recipe = read_recipe(line.get<std::string>("RECIPE"), overrides);
  nlohmann::json reports = nlohmann::json::array();
  for (ConvertOptions options : recipe.conversions) {
    options.quiet = line.has("json");
    const Conversion conversion = plan_conversion(options);
    reports.push_back(line.has("dry-run") ? describe_plan(conversion, options)
                                          : run_conversion(conversion, options));
    if (line.has("json")) continue;
    if (line.has("dry-run")) {
      std::cout << options.source << " -> " << options.output << ": " << reports.back()["total_bytes"]
                << " bytes in " << reports.back()["ranks"].size() << " ranks (dry run)\n";
    } else {
      print_report(reports.back());
    }
  }
  if (line.has("json")) std::cout << reports.dump(1) << '\n';
  return 0;
}

}  // namespace mhub::converters
