#include <iostream>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/model/hf_checkpoint.hpp"
#include "mhub/model/registry.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

std::string partition_text(const Partition& partition) {
  if (partition.replicated()) return "replicated";
  std::string text = "axis " + std::to_string(partition.axis);
  if (partition.vocabulary) text += ", vocabulary";
  if (partition.segments.size() > 1) text += ", " + std::to_string(partition.segments.size()) + " segments";
  return text;
}

/// The mapping of a class with its default config, as a table.
nlohmann::json rule_table(const ModelDescriptor& model) {
  const ConfigReader defaults(nlohmann::json::object(), model.config_class);
  nlohmann::json rules = nlohmann::json::array();
  const Mapping mapping = model.mapping(defaults);
  for (const Rule& rule : mapping.rules()) {
    nlohmann::json hf = nlohmann::json::array();
    for (const Operand& operand : rule.transform.operands) hf.push_back(operand.name);
    nlohmann::json& one = rules.emplace_back();
    one["megatron"] = rule.megatron;
    one["hf"] = std::move(hf);
    one["transform"] = rule.transform.kind;
    one["partition"] = partition_text(rule.transform.partition);
  }
  return rules;
}

void print_rules(const ModelDescriptor& model, const nlohmann::json& rules) {
  std::cout << model.class_name << " (" << model.model_type << "), with the defaults of "
            << model.config_class << ":\n";
  for (const auto& rule : rules) {
    std::cout << "  " << rule["megatron"].get<std::string>() << "\n    <- ";
    for (const auto& name : rule["hf"]) std::cout << name.get<std::string>() << ' ';
    std::cout << "\n    " << rule["transform"].get<std::string>() << "; "
              << rule["partition"].get<std::string>() << '\n';
  }
}

}  // namespace

int plugins_command(const Arguments& arguments) {
  Arguments rest = arguments;
  std::string wanted;
  if (!rest.empty() && !rest[0].starts_with("-")) {
    wanted = rest[0];
    rest.erase(rest.begin());
  }
  CommandLine line("mhub plugins [NAME] [--json]", {});
  line.add()("json", "print JSON");
  if (!line.parse(rest)) return 0;
  const PluginRegistry& registry = PluginRegistry::instance();
  nlohmann::json json = nlohmann::json::array();
  bool found = false;
  for (const PluginRegistry::Plugin& plugin : registry.plugins()) {
    nlohmann::json models = nlohmann::json::array();
    for (const ModelDescriptor& model : plugin.models) {
      if (!wanted.empty() && wanted != plugin.family && wanted != model.class_name &&
          wanted != model.model_type)
        continue;
      found = true;
      nlohmann::json one{
          {"class", model.class_name}, {"config", model.config_class}, {"model_type", model.model_type}};
      if (!wanted.empty()) one["rules"] = rule_table(model);
      if (!wanted.empty() && !line.has("json")) print_rules(model, one["rules"]);
      models.push_back(std::move(one));
    }
    if (wanted.empty() && !line.has("json")) {
      std::cout << plugin.family << ": " << plugin.about << '\n';
      for (const auto& model : models) std::cout << "  " << model["class"].get<std::string>() << '\n';
    }
    if (models.empty()) continue;
    nlohmann::json& one = json.emplace_back();
    one["family"] = plugin.family;
    one["about"] = plugin.about;
    one["path"] = plugin.path;
    one["models"] = std::move(models);
  }
  for (const PluginRegistry::Broken& broken : registry.broken())
    std::cerr << "skipped: " << broken.path << ": " << broken.reason << '\n';
  if (!wanted.empty() && !found)
    throw UsageError("no plugin, class or model type is called " + wanted + "; mhub plugins lists them");
  if (line.has("json")) std::cout << json.dump(1) << '\n';
  return 0;
}

}  // namespace mhub::converters
