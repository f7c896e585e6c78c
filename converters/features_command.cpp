// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "npy_writer.hpp"
#include "options.hpp"
#include "pictures.hpp"

namespace mhub::converters {
namespace {

void declare_features(CommandLine& line) {
  line.add()("text", po::value<std::vector<std::string>>()->default_value({}, ""), "a text; repeatable")(
      "output", po::value<std::string>(),
      "where to write the float32 array [pictures and then texts, numbers of a feature vector]")(
      "overwrite", "replace an .npy file of that name")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "a Hugging Face folder or config.json, for Megatron checkpoints that do not say what they are")(
      "threads", po::value<int>()->default_value(0), "threads; 0: one per processor")("json", "print JSON");
  declare_pictures(line);
}

DualEncoder open_model(const CommandLine& line) {
  LoadOptions load;
  load.threads = line.get<int>("threads");
  load.hf_reference = line.get<std::string>("hf-reference");
  load.cancelled = interrupted;
  ProgressBar bar(line.has("json"));
  load.download = bar.callbacks();
  DualEncoder model = DualEncoder::from_pretrained(line.get<std::string>("SOURCE"), load,
                                                   picture_options(line, !images_of(line).empty()));
  print_notes(model.checkpoint());
  return model;
}

/// Numbers [rows, columns] as a list of rows.
nlohmann::json rows_of(const std::vector<float>& numbers, std::size_t columns) {
  nlohmann::json rows = nlohmann::json::array();
  for (auto row = numbers.begin(); row != numbers.end(); row += static_cast<std::ptrdiff_t>(columns))
    rows.push_back(std::vector<float>(row, row + static_cast<std::ptrdiff_t>(columns)));
  return rows;
}

void print_similarity(const nlohmann::json& similarity, const std::vector<std::string>& images,
                      const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < similarity.size(); ++i) {
    for (std::size_t t = 0; t < texts.size(); ++t)
      std::cout << images[i] << "  " << texts[t] << "  " << similarity[i][t].get<float>() << '\n';
  }
}

}  // namespace

int features_command(const Arguments& arguments) {
  CommandLine line(
      "mhub features SOURCE [--image FILE]... [--text TEXT]... [--output FILE.npy] [--overwrite] [--json]",
      {"SOURCE"});
  declare_features(line);
  if (!line.parse(arguments)) return 0;
  const auto images = line.get<std::vector<std::string>>("image");
  const auto texts = line.get<std::vector<std::string>>("text");
  if (images.empty() && texts.empty()) throw UsageError("features needs --image or --text");
  const bool compares = !images.empty() && !texts.empty();
  const auto output = line.find<std::string>("output");
  if (!output && !compares)
    throw UsageError("features needs --output, or both --image and --text to compare");
  if (line.has("overwrite") && !output) throw UsageError("--overwrite needs --output");
  const std::string name = "features.npy";
  std::optional<StagingDirectory> staging;
  if (output) staging.emplace(*output, npy_staging(name, line.has("overwrite")));
  if (staging && !staging->warning().empty()) print_note(staging->warning());

  DualEncoder model = open_model(line);
  const std::int64_t columns = model.projection_dim();
  const auto rows = static_cast<std::int64_t>(images.size() + texts.size());
  nlohmann::json report{{"images", images}, {"texts", texts}, {"shape", {rows, columns}}};
  const std::vector<float> seen =
      images.empty() ? std::vector<float>() : model.image_features(images_of(line));
  const std::vector<float> said = texts.empty() ? std::vector<float>() : model.text_features(texts);
  if (staging) {
    NpyWriter file(staging->path() + "/" + name, rows, columns);
    file.append(seen);
    file.append(said);
    file.finish();
    staging->commit();
    report["output"] = *output;
  }
  if (compares) report["similarity"] = rows_of(model.similarity_of(seen, said), texts.size());
  if (line.print_json(report)) return 0;
  if (output) std::cout << "wrote features [" << rows << ", " << columns << "] to " << *output << '\n';
  if (compares) print_similarity(report["similarity"], images, texts);
  return 0;
}

}  // namespace mhub::converters
