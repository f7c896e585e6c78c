// SPDX-License-Identifier: Apache-2.0
// Reads what tests/golden/record.py writes; tests/golden/README.md describes it.
#include "golden/facts.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <fstream>

#include "cli/tiny_llama.hpp"

namespace mhub::tests {
namespace {

using Json = nlohmann::json;

const std::filesystem::path kFacts = MHUB_GOLDEN_FACTS;

/// Names of a file, with "{}" for each number that an entry gives.
class Names {
 public:
  explicit Names(const Json& table) : table_(table.get<std::vector<std::string>>()) {}

  std::size_t numbers(const Json& at) const {
    const std::string& name = table_.at(at.get<std::size_t>());
    std::size_t count = 0;
    for (std::size_t k = name.find("{}"); k != std::string::npos; k = name.find("{}", k + 2)) ++count;
    return count;
  }
  /// The name at a place; its numbers start at row[begin].
  std::string name(const Json& at, const Json& row, std::size_t begin = 0) const {
    std::string text = table_.at(at.get<std::size_t>());
    for (std::size_t k = text.find("{}"); k != std::string::npos; k = text.find("{}"))
      text.replace(k, 2, row.at(begin++).dump());
    return text;
  }

 private:
  std::vector<std::string> table_;
};

std::map<std::string, Shape> shapes(const Names& names, const Json& groups) {
  std::map<std::string, Shape> found;
  for (const Json& group : groups) {
    for (const Json& row : group[2]) found[names.name(group[0], row)] = group[1].get<Shape>();
  }
  return found;
}

/// The shape of each part from where the next one begins: parts lie behind one another along the first axis.
void set_shapes(GoldenTensor& tensor) {
  const Shape inner(tensor.shape.begin() + (tensor.shape.empty() ? 0 : 1), tensor.shape.end());
  for (std::size_t k = 0; k < tensor.parts.size(); ++k) {
    GoldenPart& part = tensor.parts[k];
    const std::int64_t end = k + 1 < tensor.parts.size() ? tensor.parts[k + 1].begin : numel(tensor.shape);
    part.shape = Shape(part.offset.size() - tensor.shape.size(), 1);
    if (!tensor.shape.empty()) part.shape.push_back((end - part.begin) / numel(inner));
    part.shape.insert(part.shape.end(), inner.begin(), inner.end());
  }
}

/// One row of a group [name, shape, keys, rows].
GoldenTensor tensor(const Names& names, const Json& group, const Json& row) {
  GoldenTensor made{group[1].get<Shape>(), {}};
  const Json& keys = group[2];
  std::size_t fixed = names.numbers(group[0]);
  for (const Json& key : keys) fixed += names.numbers(key) + 1;
  const std::size_t rank = (row.size() - fixed) / keys.size();
  std::size_t at = names.numbers(group[0]);
  for (const Json& key : keys) {
    GoldenPart part{names.name(key, row, at), 0, {}, {}};
    at += names.numbers(key);
    part.begin = row.at(at++).get<std::int64_t>();
    for (std::size_t k = 0; k < rank; ++k) part.offset.push_back(row.at(at++).get<std::int64_t>());
    made.parts.push_back(std::move(part));
  }
  set_shapes(made);
  return made;
}

GoldenChunk chunk(const Names& names, const Json& facts) {
  GoldenChunk made;
  for (const Json& group : facts.at("tensors")) {
    for (const Json& row : group[3]) made.tensors[names.name(group[0], row)] = tensor(names, group, row);
  }
  for (const Json& group : facts.at("objects")) {
    for (const Json& row : group[1]) made.objects.insert(names.name(group[0], row));
  }
  return made;
}

GoldenLayout layout(const Names& names, const Json& file, const Json& facts) {
  GoldenLayout made;
  made.options = facts.at("options");
  made.impl = facts.at("impl");
  made.args = facts.at("args");
  made.keys = shapes(names, file.at("keys").at(facts.at("keys").get<std::size_t>()));
  for (const Json& entry : file.at("objects").at(facts.at("objects").get<std::size_t>())) {
    Json numbers = entry[0];
    numbers.erase(0);
    for (std::size_t k = 1; k < entry.size(); ++k)
      made.objects.insert(names.name(entry[0][0], numbers) + "/" + entry[k].get<std::string>());
  }
  for (const auto& [folder, chunks] : facts.at("files").items()) {
    for (const auto& [name, content] : chunks.items()) made.files[folder][name] = chunk(names, content);
  }
  return made;
}

Json read_facts(const std::filesystem::path& path) {
  std::ifstream file(path);
  return Json::parse(file);
}

/// DeepSeek's prediction blocks repeat the model's embedding and output layer.
std::string original_of(const std::string& name) {
  if (name.ends_with(".embed_tokens.weight")) return "model.embed_tokens.weight";
  if (name.ends_with(".shared_head.head.weight")) return "lm_head.weight";
  return name;
}

}  // namespace

std::vector<GoldenCase> golden_cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFacts)) {
    if (entry.path().filename() != "settings.json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<GoldenCase> cases;
  for (const std::filesystem::path& path : files) {
    const Json file = read_facts(path);
    const Names names(file.at("names"));
    GoldenCase one;
    one.name = path.stem().string();
    one.config = file.at("hf")["config"];
    one.tensors = shapes(names, file.at("hf")["tensors"]);
    one.stated = file.at("stated").get<std::vector<std::string>>();
    one.needed_flags = file.at("needed_flags").get<std::vector<std::string>>();
    one.restored_flags = file.at("restored_flags").get<std::vector<std::string>>();
    one.args = file.at("args");
    one.run_config = file.at("run_config");
    one.refused = file.at("refused").get<std::map<std::string, std::string>>();
    for (const Json& facts : file.at("layouts")) one.layouts.push_back(layout(names, file, facts));
    cases.push_back(std::move(one));
  }
  return cases;
}

GoldenSettings golden_settings() {
  const Json file = read_facts(kFacts / "settings.json");
  GoldenSettings settings{file.at("parser"), file.at("provider"), {}};
  for (const Json& one : file.at("pipelines"))
    settings.pipelines.push_back({one.at(0), one.at(1), one.at(2), one.at(3), one.at(4)});
  return settings;
}

void write_published(const GoldenCase& golden, const std::string& folder) {
  std::map<std::string, std::uint32_t> first;  // of each original tensor
  std::uint32_t count = 0;
  TinyLlama published;
  published.config = golden.config;
  published.header = nlohmann::ordered_json::object();
  published.payload.clear();
  for (const auto& [name, shape] : golden.tensors) {
    const auto elements = static_cast<std::uint32_t>(numel(shape));
    const auto [at, fresh] = first.emplace(original_of(name), count);
    if (fresh) count += elements;
    const std::size_t begin = published.payload.size();
    for (std::uint32_t k = 0; k < elements; ++k) {
      // From one half on, so that one can be taken off exactly (norms that are stored around zero).
      const auto value = 0.5F + static_cast<float>(at->second + k) * 0x1p-20F;
      const auto bits = std::bit_cast<std::array<char, 4>>(value);
      published.payload.append(bits.data(), bits.size());
    }
    published.header[name] = {
        {"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, published.payload.size()}}};
  }
  published.write(folder);
}

}  // namespace mhub::tests
