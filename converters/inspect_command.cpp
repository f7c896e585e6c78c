// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/mapping/identity.hpp"
#include "mhub/pretrained/inspection.hpp"
#include "mhub/text/regex.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

std::string file_of(const StoredTensor& tensor, const std::string& root) {
  std::string name = tensor.file();
  if (name.starts_with(root + "/")) name = name.substr(root.size() + 1);
  return tensor.chunks.size() > 1 ? name + " +" + std::to_string(tensor.chunks.size() - 1) : name;
}

std::vector<const StoredTensor*> selected(const Checkpoint& checkpoint, const CommandLine& line) {
  std::vector<const StoredTensor*> list;
  std::optional<text::Regex> regex;
  if (line.has("regex")) regex = text::Regex::of_user(line.get<std::string>("regex"));
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (line.has("tensors") && !glob_match(line.get<std::string>("tensors"), tensor.name)) continue;
    if (regex && !regex->found_in(tensor.name)) continue;
    list.push_back(&tensor);
  }
  return list;
}

nlohmann::json to_json(const std::vector<const StoredTensor*>& tensors, const std::string& root) {
  nlohmann::json list = nlohmann::json::array();
  for (const StoredTensor* tensor : tensors) {
    list.push_back({{"name", tensor->name},
                    {"dtype", torch_name(tensor->dtype)},
                    {"shape", tensor->shape},
                    {"bytes", byte_count(tensor->shape, tensor->dtype)},
                    {"file", file_of(*tensor, root)}});
  }
  return list;
}

void print_tensors(const std::vector<const StoredTensor*>& tensors, const std::string& root) {
  std::size_t widest = 0;
  for (const StoredTensor* tensor : tensors) widest = std::max(widest, tensor->name.size());
  for (const StoredTensor* tensor : tensors) {
    std::cout << tensor->name << std::string(widest - tensor->name.size() + 2, ' ')
              << torch_name(tensor->dtype) << "  " << to_string(tensor->shape) << "  "
              << byte_count(tensor->shape, tensor->dtype) << "  " << file_of(*tensor, root) << '\n';
  }
}

/// A Megatron checkpoint is shown as the model it holds, with how it is stored; one of unknown model by that
/// alone.
nlohmann::json describe(const Checkpoint& checkpoint) {
  nlohmann::json json = nlohmann::json::object();
  if (checkpoint.model != nullptr) json = to_json(summarize(checkpoint));
  json["format"] = checkpoint.format->name();
  if (checkpoint.names == StateNames::megatron) {
    json["directory"] = checkpoint.directory;
    json["ranks"] = checkpoint.ranks;
  }
  std::uint64_t bytes = 0;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors())
    bytes += byte_count(tensor.shape, tensor.dtype);
  json["stored_tensors"] = checkpoint.tensors.tensors().size();
  json["stored_bytes"] = bytes;
  json["notes"] = checkpoint.notes;
  if (checkpoint.model == nullptr) json["notes"].push_back(checkpoint.unknown_model);
  return json;
}

void print_megatron(const nlohmann::json& json) {
  std::cout << "MegatronCheckpoint(\n";
  if (json.contains("model")) {
    std::cout << "  (model): " << json["model"]["class"].get<std::string>()
              << " [layers=" << json["model"]["layers"] << ", hidden_size=" << json["model"]["hidden_size"]
              << "]\n"
              << "  (parameters): " << with_thousands(json["parameters"].get<std::int64_t>()) << "\n"
              << "  (dtype): " << json["dtype"].get<std::string>() << "\n";
  }
  std::cout << "  (format): " << json["format"].get<std::string>();
  if (!json["ranks"].empty()) std::cout << " [ranks=" << json["ranks"].size() << "]";
  std::cout << "\n  (stored): " << json["stored_tensors"] << " tensors, "
            << with_thousands(json["stored_bytes"].get<std::int64_t>()) << " bytes\n)\n";
}

}  // namespace

int inspect_command(const Arguments& arguments) {
  CommandLine line("mhub inspect SOURCE [--tensors GLOB | --regex RE] [--json]", {"SOURCE"});
  line.add()("tensors", po::value<std::string>(), "list the tensors whose name matches a shell pattern")(
      "regex", po::value<std::string>(), "list the tensors whose name a regular expression finds")(
      "json", "print JSON");
  if (!line.parse(arguments)) return 0;
  if (line.has("tensors") && line.has("regex"))
    throw UsageError("--tensors and --regex each choose tensors; give one of them");
  ProgressBar bar(line.has("json"));
  OpenOptions open;
  open.use = SourceUse::headers;
  open.callbacks = bar.callbacks();
  const Checkpoint checkpoint = open_checkpoint(line.get<std::string>("SOURCE"), open);
  if (line.has("tensors") || line.has("regex")) {
    const std::vector<const StoredTensor*> tensors = selected(checkpoint, line);
    if (!line.print_json({{"tensors", to_json(tensors, checkpoint.directory)}}))
      print_tensors(tensors, checkpoint.directory);
    return 0;
  }
  const nlohmann::json json = describe(checkpoint);
  if (line.print_json(json)) return 0;
  print_notes(checkpoint);
  if (checkpoint.model == nullptr) print_note(checkpoint.unknown_model);
  if (checkpoint.names == StateNames::hugging_face) {
    std::cout << to_string(summarize(checkpoint)) << '\n';
  } else {
    print_megatron(json);
  }
  return 0;
}

}  // namespace mhub::converters
