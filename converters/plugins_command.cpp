// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "layer_comparison.hpp"
#include "logits_comparison.hpp"
#include "long_work.hpp"
#include "mapping_check.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "options.hpp"
#include "terminal.hpp"

namespace mhub::converters {
namespace {

/// The key of the Hugging Face names in a table of rules.
const std::string& hf_key() {
  static const std::string key(hf_format().name());
  return key;
}

std::string partition_text(const Partition& partition) {
  if (partition.replicated()) return "replicated";
  std::string text = "axis " + std::to_string(partition.axis);
  if (partition.vocabulary) text += ", vocabulary";
  if (partition.segments.size() > 1) text += ", " + std::to_string(partition.segments.size()) + " segments";
  return text;
}

/// A mapping as a table.
nlohmann::json rule_table(const Mapping& mapping) {
  nlohmann::json rules = nlohmann::json::array();
  for (const Rule& rule : mapping.rules()) {
    nlohmann::json hf = nlohmann::json::array();
    for (const Operand& operand : rule.transform.operands) hf.push_back(operand.name);
    nlohmann::json& one = rules.emplace_back();
    one["megatron"] = rule.megatron;
    one[hf_key()] = std::move(hf);
    one["transform"] = rule.transform.kind;
    one["partition"] = partition_text(rule.transform.partition);
  }
  for (const Mapping::Rest& rest : mapping.rest()) {
    rules.push_back({{"megatron", rest.megatron + "*"},
                     {hf_key(), {rest.hf + "*"}},
                     {"transform", rest.carried() ? "carried" : "replicated"},
                     {"partition", "replicated"}});
  }
  return rules;
}

void print_rules(const std::string& title, const nlohmann::json& rules) {
  std::cout << title << ":\n";
  for (const auto& rule : rules) {
    std::cout << "  " << rule["megatron"].get<std::string>() << "\n    <- ";
    for (const auto& name : rule[hf_key()]) std::cout << name.get<std::string>() << ' ';
    std::cout << "\n    " << rule["transform"].get<std::string>() << "; "
              << rule["partition"].get<std::string>() << '\n';
  }
}

/// Adds the mapping of a class with a config, and what a model of the whole has beside its decoder.
void add_rules(nlohmann::json& one, const ModelDescriptor& model, const ConfigReader& config, bool print) {
  one["rules"] = rule_table(declared_mapping(model, config));
  if (print)
    print_rules(model.class_name + " (" + model.model_type + "), with " + config.file(), one["rules"]);
  if (!model.whole) return;
  one["whole_rules"] = rule_table(whole_model(model, config).parts);
  if (print)
    print_rules(model.class_name + ", beside \"language_model\" in the model of " + model.bridge_provider,
                one["whole_rules"]);
}

ConfigReader read_config(const std::string& path) {
  constexpr std::uint64_t kLargest = 1 << 22;
  return {parse_config(read_file(path, kLargest), path), path};
}

/// A class takes most of what a config says of another one for missing, and has defaults.
void require_own(const ModelDescriptor& model, const ConfigReader& config) {
  const std::string type = config.string("model_type", "");
  const std::vector<std::string> classes =
      config.has("architectures") ? config.strings("architectures") : std::vector<std::string>{};
  if (std::find(classes.begin(), classes.end(), model.class_name) != classes.end()) return;
  const bool other = !classes.empty() && PluginRegistry::instance().find_class(classes.front()) != nullptr;
  if (type.empty() ? classes.empty() : type == model.model_type && !other) return;
  throw UsageError(config.file() + " is of " +
                   (type.empty() ? "no model_type" : "model_type " + printable_text(type)) +
                   (classes.empty() ? "" : " (" + printable_text(classes.front()) + ")") + ", and " +
                   model.class_name + " of " + model.model_type + ": name the class that it is of");
}

bool matches(const ModelDescriptor& model, const std::string& wanted, const std::string& family) {
  return wanted.empty() || wanted == family || wanted == model.class_name || wanted == model.model_type;
}

[[noreturn]] void refuse_unknown(const std::string& name) {
  std::vector<std::string> known;
  for (const PluginRegistry::Plugin& plugin : PluginRegistry::instance().plugins()) {
    known.push_back(plugin.family);
    for (const ModelDescriptor& model : plugin.models)
      known.insert(known.end(), {model.class_name, model.model_type});
  }
  const std::string near = near_name(name, known);
  throw UsageError("no plugin, class or model type is called " + name +
                   (near.empty() ? "" : "; did you mean " + near + "?") + "; mhub plugins lists them");
}

/// The one class of that name. A family of several classes is asked for by class name.
const ModelDescriptor& only_model(const std::string& name) {
  std::vector<const ModelDescriptor*> chosen;
  for (const PluginRegistry::Plugin& plugin : PluginRegistry::instance().plugins()) {
    for (const ModelDescriptor& model : plugin.models)
      if (matches(model, name, plugin.family)) chosen.push_back(&model);
  }
  if (chosen.empty()) refuse_unknown(name);
  if (chosen.size() == 1) return *chosen.front();
  std::string classes;
  for (const ModelDescriptor* model : chosen) classes += (classes.empty() ? "" : ", ") + model->class_name;
  throw UsageError(name + " is " + classes + ": name one of them");
}

/// `mhub plugins --tensors NAME CONFIG`.
int tensors_command(const ModelDescriptor& model, const ConfigReader& config, const CommandLine& line) {
  require_own(model, config);
  nlohmann::json tensors = nlohmann::json::array();
  for (const StateTensor& tensor : expanded_mapping(declared_mapping(model, config), config).import.source) {
    tensors.push_back({{"name", tensor.name}, {"shape", tensor.shape}});
    if (!line.has("json")) std::cout << tensor.name << "  " << to_string(tensor.shape) << '\n';
  }
  line.print_json({{"class", model.class_name}, {"tensors", std::move(tensors)}});
  return 0;
}

/// `mhub plugins --check NAME CONFIG`.
int check_command(const ModelDescriptor& model, const ConfigReader& config, const CommandLine& line) {
  require_own(model, config);
  const MappingCheck check = check_mapping(model, config);
  const nlohmann::json json{{"class", model.class_name},
                            {"hf_tensors", check.hf_tensors},
                            {"elements", check.elements},
                            {"megatron_tensors", check.megatron_tensors},
                            {"problems", check.problems}};
  if (!line.print_json(json) && check.problems.empty()) {
    std::cout << model.class_name << ": " << check.hf_tensors << " Hugging Face tensors <-> "
              << check.megatron_tensors << " Megatron tensors, " << check.elements
              << " elements: all covered, and random data comes back bit for bit\n";
  }
  for (const std::string& problem : check.problems)
    std::cerr << model.class_name << ": " << printable_text(problem) << '\n';
  return check.problems.empty() ? 0 : 1;
}

nlohmann::json to_json(const LayerDifference& one, double tolerance) {
  return {{"place", one.place},
          {"relative_difference", one.difference},  // null where it is infinite
          {"agrees", one.difference <= tolerance}};
}

/// `mhub plugins --compare NAME FOLDER GOLDEN.npy`.
int compare_command(const ModelDescriptor& model, const CommandLine& line) {
  const Checkpoint checkpoint = open_checkpoint(line.get<std::string>("CONFIG"));
  if (checkpoint.model == nullptr) throw InputError(checkpoint.unknown_model);
  if (checkpoint.model->class_name != model.class_name)
    throw UsageError(checkpoint.path + " is a " + checkpoint.model->class_name + ", not a " +
                     model.class_name);
  const double tolerance = line.find<double>("tolerance").value_or(kLogitsTolerance);
  const auto backend = runtime::make_backend({"cpu", 0, DType::f32});
  const GoldenStates golden = read_golden(line.get<std::string>("GOLDEN"));
  const std::vector<LayerDifference> found = compare_layers(checkpoint, golden, *backend, interrupted);
  const auto apart = std::find_if(found.begin(), found.end(),
                                  [&](const LayerDifference& one) { return !(one.difference <= tolerance); });
  nlohmann::json places = nlohmann::json::array();
  for (const LayerDifference& one : found) places.push_back(to_json(one, tolerance));
  const nlohmann::json json{
      {"class", model.class_name},
      {"tokens", golden.tokens.size()},
      {"tolerance", tolerance},
      {"equal", apart == found.end()},
      {"parts_in", apart == found.end() ? nlohmann::json() : nlohmann::json(apart->place)},
      {"places", places}};
  if (!line.print_json(json)) {
    for (const LayerDifference& one : found) std::cout << one.place << ": " << one.difference << '\n';
    if (apart == found.end())
      std::cout << "agrees with transformers everywhere (tolerance " << tolerance << ")\n";
    else
      std::cout << "parts from transformers in: " << apart->place << " (tolerance " << tolerance << ")\n";
  }
  return apart == found.end() ? 0 : 1;
}

/// A class as `mhub plugins` lists it, with its rules where it was asked for by name.
nlohmann::json listed(const ModelDescriptor& model, bool by_name, const std::optional<std::string>& path,
                      const CommandLine& line) {
  nlohmann::json one{
      {"class", model.class_name}, {"config", model.config_class}, {"model_type", model.model_type}};
  if (!by_name) return one;
  const ConfigReader config =
      path ? read_config(*path)
           : ConfigReader(nlohmann::json::object(), "the defaults of " + model.config_class);
  if (path) require_own(model, config);
  try {
    add_rules(one, model, config, !line.has("json"));
  } catch (const InputError& error) {
    if (path) throw;  // else the defaults are refused, which is no error
    one["refused"] = error.what();
    if (!line.has("json")) std::cout << model.class_name << ": " << error.what() << '\n';
  }
  return one;
}

/// `mhub plugins [NAME [CONFIG]]`.
int list_command(const std::string& wanted, const std::optional<std::string>& path, const CommandLine& line) {
  const PluginRegistry& registry = PluginRegistry::instance();
  nlohmann::json json = nlohmann::json::array();
  bool found = false;
  for (const PluginRegistry::Plugin& plugin : registry.plugins()) {
    nlohmann::json models = nlohmann::json::array();
    for (const ModelDescriptor& model : plugin.models) {
      if (!matches(model, wanted, plugin.family)) continue;
      found = true;
      models.push_back(listed(model, !wanted.empty(), path, line));
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
    std::cerr << "skipped: " << printable_text(broken.path + ": " + broken.reason) << '\n';
  if (!wanted.empty() && !found) refuse_unknown(wanted);
  line.print_json({{"plugins", json}});
  return 0;
}

}  // namespace

int plugins_command(const Arguments& arguments) {
  CommandLine line(
      "mhub plugins [NAME [CONFIG]] [--check | --tensors] [--json] | --write-index FOLDER\n"
      "mhub plugins --compare NAME FOLDER GOLDEN.npy [--tolerance X] [--json]",
      {}, {"NAME", "CONFIG", "GOLDEN"});
  line.add()("check", "try NAME's mapping out on a config.json, without weights")(
      "tensors", "list the Hugging Face tensors that NAME has with a config.json, and their shapes")(
      "compare", "tell in which layer FOLDER parts from transformers, whose states golden.py wrote down")(
      "tolerance", po::value<double>(),
      "with --compare: largest difference, as a share of the largest number of a layer (default: 1e-3)")(
      "json", "print JSON")(
      "write-index", po::value<std::string>(),
      "write down which plugin of FOLDER has which class, so that only the needed one is opened");
  if (!line.parse(arguments)) return 0;
  if (const auto folder = line.find<std::string>("write-index")) {
    write_plugin_index(*folder);
    return 0;
  }
  const std::string wanted = line.find<std::string>("NAME").value_or("");
  const std::optional<std::string> path = line.find<std::string>("CONFIG");
  if (line.has("compare") != line.has("GOLDEN") ||
      (line.has("compare") && (line.has("check") || line.has("tensors"))))
    throw UsageError(
        "mhub plugins --compare needs NAME, FOLDER and GOLDEN.npy, and neither --check nor --tensors");
  if (line.has("tolerance") && !line.has("compare")) throw UsageError("--tolerance needs --compare");
  if (line.has("compare")) return compare_command(only_model(wanted), line);
  if (line.has("check") || line.has("tensors")) {
    if (!path || line.has("check") == line.has("tensors"))
      throw UsageError("mhub plugins --check, or --tensors, needs NAME and CONFIG");
    const ModelDescriptor& model = only_model(wanted);
    return (line.has("check") ? check_command : tensors_command)(model, read_config(*path), line);
  }
  return list_command(wanted, path, line);
}

}  // namespace mhub::converters
