// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "options.hpp"
#include "recipe/recipe.hpp"
#include "recipe/schema.hpp"
#include "terminal.hpp"

namespace mhub::converters {

int run_command(const Arguments& arguments) {
  CommandLine line("mhub run RECIPE.yaml [--set key=value]... [--dry-run] [--json]\nmhub run --schema", {},
                   {"RECIPE"});
  line.add()("set", po::value<std::vector<std::string>>()->composing(), "replace a key of every conversion")(
      "dry-run", "plan every conversion and write nothing")("json", "print JSON")(
      "schema", "print the JSON Schema of recipes, for editors");
  if (!line.parse(arguments)) return 0;
  if (line.has("schema")) {
    show(Shown::exact);
    std::cout << json_text(recipe_schema(), 1) << '\n';
    return 0;
  }
  if (!line.has("RECIPE")) throw UsageError("missing RECIPE; mhub run RECIPE.yaml");
  std::vector<std::pair<std::string, std::string>> overrides;
  for (const std::string& pair :
       line.find<std::vector<std::string>>("set").value_or(std::vector<std::string>{})) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw UsageError("--set " + pair + ": expected key=value");
    overrides.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  const Recipe recipe = read_recipe(line.get<std::string>("RECIPE"), overrides);
  nlohmann::json reports = nlohmann::json::array();
  for (const std::string& note : recipe.notes) print_note(note);
  for (const std::size_t k : recipe.order()) {
    const RecipeEntry& entry = recipe.entries[k];
    const Steps& steps = entry.steps;
    if (!entry.converts() || steps.download || steps.generate || steps.logits || steps.upload)
      throw UsageError(entry.name + ": steps beside the conversion are not carried out yet");
    ConvertRequest request = entry.request;
    if (line.has("dry-run")) request.open.use = SourceUse::headers;
    const Conversion conversion = planned(request, line.has("json"));
    reports.push_back(line.has("dry-run") ? describe(conversion, request.output)
                                          : carry_out(conversion, request, line.has("json")));
    if (line.has("json")) continue;
    if (line.has("dry-run")) {
      std::cout << request.source << " -> " << request.output << ": " << reports.back()["total_bytes"]
                << " bytes in " << reports.back()["ranks"].size() << " ranks (dry run)\n";
    } else {
      print_report(reports.back());
    }
  }
  line.print_json({{"conversions", reports}});
  return 0;
}

}  // namespace mhub::converters
