// SPDX-License-Identifier: Apache-2.0
#include <iomanip>
#include <iostream>
#include <sstream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/mapping/identity.hpp"
#include "mhub/megatron/layout.hpp"
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

nlohmann::json to_json(const MegatronOrigin& origin, const Checkpoint& checkpoint) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::json() : nlohmann::json(text);
  };
  nlohmann::json json{{"writer", or_null(origin.writer)},
                      {"iteration", or_null(origin.iteration)},
                      {"optimizer", origin.optimizer},
                      {"args", origin.args},
                      {"run_config", origin.run_config}};
  if (origin.sizes) json["sizes"] = described(*origin.sizes);
  if (origin.padded_vocab_size) json["padded_vocab_size"] = *origin.padded_vocab_size;
  if (checkpoint.transformer) json["fields"] = described(*checkpoint.transformer);
  return json;
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
  if (checkpoint.origin) json["megatron"] = to_json(*checkpoint.origin, checkpoint);
  std::uint64_t bytes = 0;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors())
    bytes += byte_count(tensor.shape, tensor.dtype);
  json["stored_tensors"] = checkpoint.tensors.tensors().size();
  json["stored_bytes"] = bytes;
  json["notes"] = checkpoint.notes;
  if (checkpoint.model == nullptr) json["notes"].push_back(checkpoint.unknown_model);
  return json;
}

/// "500000", which is no 5e+05.
std::string fixed(double value) {
  std::ostringstream text;
  text << std::setprecision(12) << value;
  return text.str();
}

std::string shape_of(const TransformerConfig& c) {
  std::string text = "  (attention): " + std::to_string(c.num_attention_heads) + " heads";
  if (c.mla) {
    text += ", latent";
  } else {
    text += " of " + std::to_string(c.kv_channels) + ", " + std::to_string(c.num_query_groups) + " groups";
  }
  text += "\n  (positions): " + name_of(c.position_embedding_type);
  if (c.position_embedding_type == PositionEmbedding::rope) {
    text += " [base=" + fixed(c.rotary_base);
    if (c.rotary_percent != 1) text += ", percent=" + shown(c.rotary_percent);
    if (c.rope_scaling.type != RopeKind::none)
      text += ", " + name_of(c.rope_scaling.type) + "=" + shown(c.rope_scaling.factor);
    text += "]";
  }
  if (const auto& moe = c.moe)
    text += "\n  (experts): " + std::to_string(moe->num_experts) +
            " [per token=" + std::to_string(moe->router_topk) + "]";
  return text + "\n";
}

std::string saved_as(const MegatronOrigin& origin) {
  std::string text = "  (saved): by " + (origin.writer.empty() ? "nobody who says so" : origin.writer);
  if (!origin.iteration.empty())
    text += origin.iteration == "release" ? ", a release" : ", iteration " + origin.iteration;
  if (const auto& sizes = origin.sizes) {
    text += ", on TP " + std::to_string(sizes->tensor) + " PP " + std::to_string(sizes->pipeline);
    if (sizes->virtual_pipeline > 1) text += " VPP " + std::to_string(sizes->virtual_pipeline);
    if (sizes->expert > 1) text += " EP " + std::to_string(sizes->expert);
    if (sizes->expert_tensor != sizes->tensor) text += " ETP " + std::to_string(sizes->expert_tensor);
  }
  text += std::string("\n  (describes itself): ") +
          (origin.args         ? origin.run_config ? "args, run_config.yaml" : "args"
           : origin.run_config ? "run_config.yaml"
                               : "no");
  return text + "\n  (optimizer): " + (origin.optimizer ? "present" : "none") + "\n";
}

void print_model(const nlohmann::json& json, const Checkpoint& checkpoint) {
  const nlohmann::json& tokenizer = json["tokenizer"];
  std::cout << "  (model): " << json["model"]["class"].get<std::string>()
            << " [layers=" << json["model"]["layers"] << ", hidden_size=" << json["model"]["hidden_size"]
            << "]\n"
            << shape_of(*checkpoint.transformer) << "  (vocabulary): " << checkpoint.transformer->vocab_size;
  if (checkpoint.origin &&
      checkpoint.origin->padded_vocab_size.value_or(0) > checkpoint.transformer->vocab_size)
    std::cout << " [padded=" << *checkpoint.origin->padded_vocab_size << "]";
  std::cout << "\n  (tokenizer): "
            << (tokenizer.is_null() ? "none"
                                    : tokenizer["class"].get<std::string>() +
                                          " [vocab_size=" + json_text(tokenizer["vocab_size"]) + "]")
            << "\n  (parameters): " << with_thousands(json["parameters"].get<std::int64_t>()) << "\n"
            << "  (dtype): " << json["dtype"].get<std::string>() << "\n";
}

void print_megatron(const nlohmann::json& json, const Checkpoint& checkpoint) {
  std::cout << "MegatronCheckpoint(\n";
  if (checkpoint.model != nullptr) print_model(json, checkpoint);
  if (checkpoint.origin) std::cout << saved_as(*checkpoint.origin);
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
    print_megatron(json, checkpoint);
  }
  return 0;
}

}  // namespace mhub::converters
