// SPDX-License-Identifier: Apache-2.0
#include "pictures.hpp"

#include <algorithm>

#include "long_work.hpp"
#include "mhub/base/error.hpp"

namespace mhub::converters {

void declare_pictures(CommandLine& line) {
  line.add()("image", po::value<std::vector<std::string>>()->default_value({}, ""),
             "a picture for a vision-language model, where the prompt (with --chat: by itself) has its "
             "placeholder; repeatable")(
      "image-backend", po::value<std::string>(),
      "whose arithmetic resizes pictures: torchvision or pillow (default: torchvision, as transformers 5)");
}

std::vector<ImageInput> images_of(const CommandLine& line) {
  std::vector<ImageInput> images;
  for (const std::string& path : line.get<std::vector<std::string>>("image")) images.emplace_back(path);
  return images;
}

VisionProcessor::Options picture_options(const CommandLine& line, bool sees) {
  const auto backend = line.find<std::string>("image-backend");
  if (backend && !sees) throw UsageError("--image-backend needs --image");
  if (backend && *backend != "torchvision" && *backend != "pillow")
    throw UsageError("--image-backend " + *backend + ": expected torchvision or pillow");
  VisionProcessor::Options options;
  if (backend == "pillow") options.backend = ImageBackend::pillow;
  return options;
}

void note_blindness(const CausalLM& model, const std::vector<std::int64_t>& tokens) {
  const std::optional<runtime::Eyes> eyes = runtime::eyes_of(model.checkpoint());
  if (!eyes) return;
  const auto count = std::count(tokens.begin(), tokens.end(), eyes->image_token);
  if (count > 0)
    print_note("the prompt has " + std::to_string(count) + " image tokens (" +
               std::to_string(eyes->image_token) + ") and no picture is given: the model sees nothing there");
}

OpenedModel::OpenedModel(const CommandLine& line, bool exact, bool sees) {
  LoadOptions options;
  options.device = line.get<std::string>("backend");
  options.exact = exact;
  options.threads = line.get<int>("threads");
  options.hf_reference = line.get<std::string>("hf-reference");
  options.cancelled = interrupted;
  ProgressBar bar(line.has("json"));
  options.download = bar.callbacks();
  const std::string source = line.get<std::string>("SOURCE");
  const VisionProcessor::Options pictures = picture_options(line, sees);
  if (!sees) {
    plain_.emplace(CausalLM::from_pretrained(source, options));
  } else {
    eyes_.emplace(VLM::from_pretrained(source, options, pictures));
  }
  print_notes(model().checkpoint());
}

}  // namespace mhub::converters
