// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/runtime/logits_stream.hpp"
#include "npy_writer.hpp"
#include "pictures.hpp"

namespace mhub::converters {
namespace {

void declare_logits(CommandLine& line) {
  line.add()("tokens", po::value<std::string>(), "token numbers, separated by commas")(
      "output", po::value<std::string>(), "where to write the float32 array [tokens, vocabulary]")(
      "overwrite", "replace an .npy file of that name")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "a Hugging Face folder or config.json, for Megatron checkpoints that do not say what they are")(
      "threads", po::value<int>()->default_value(0), "threads; 0: one per processor")(
      "backend", po::value<std::string>()->default_value("cpu"),
      "cpu, or cudnn (also cuda) for the first GPU")("json", "print JSON");
  declare_pictures(line);
}

}  // namespace

int logits_command(const Arguments& arguments) {
  CommandLine line(
      "mhub logits SOURCE --tokens 1,2,3 --output FILE.npy [--overwrite] [--threads N] [--backend cpu|cudnn] "
      "[--json]",
      {"SOURCE"});
  declare_logits(line);
  if (!line.parse(arguments)) return 0;
  if (!line.has("tokens") || !line.has("output")) throw UsageError("logits needs --tokens and --output");
  const std::vector<std::int64_t> tokens = parse_tokens(line.get<std::string>("tokens"));

  const std::string name = "logits.npy";
  StagingDirectory staging(line.get<std::string>("output"), npy_staging(name, line.has("overwrite")));
  if (!staging.warning().empty()) print_note(staging.warning());
  OpenedModel opened(line, true, !images_of(line).empty());
  runtime::Decoder& decoder = opened.model().model();
  std::vector<runtime::PictureFeatures> features;
  runtime::Prompt prompt{tokens};
  if (VLM* eyes = opened.eyes()) {
    features = eyes->image_features({tokens, eyes->process_images(images_of(line))});
    prompt = eyes->placed(tokens, features);
  } else {
    note_blindness(opened.model(), tokens);
  }
  runtime::LogitsStream logits(decoder, std::move(prompt));
  NpyWriter file(staging.path() + "/" + name, static_cast<std::int64_t>(tokens.size()), decoder.vocab_size());
  for (auto rows = logits.next(); !rows.empty(); rows = logits.next()) file.append(rows);
  file.finish();
  staging.commit();
  const nlohmann::json report{{"output", line.get<std::string>("output")},
                              {"shape", {tokens.size(), decoder.vocab_size()}},
                              {"backend", decoder.backend().describe()},
                              {"gathered_bytes", decoder.gathered_bytes()}};
  if (!line.print_json(report))
    std::cout << "wrote logits [" << tokens.size() << ", " << decoder.vocab_size() << "] to "
              << line.get<std::string>("output") << '\n';
  return 0;
}

}  // namespace mhub::converters
