// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/vision_processor.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

constexpr const char* kProcessor = "processor_config.json";
constexpr const char* kPreprocessor = "preprocessor_config.json";
constexpr const char* kTokenizer = "tokenizer_config.json";
constexpr std::uint64_t kLargest = std::uint64_t{16} << 20;

JsonObject object_of(nlohmann::json json, const std::string& place) {
  if (!json.is_object()) throw InputError(place + ": expected an object");
  return {std::make_shared<const nlohmann::json>(std::move(json)), place};
}

JsonObject read(const FileSet& files, const std::string& name) {
  const std::string place = files.place(name);
  if (!files.has(name)) return object_of(nlohmann::json::object(), place);
  return object_of(parse_json(files.read(name, kLargest), place), place);
}

ProcessorFiles read_all(const FileSet& files) {
  if (!files.has(kProcessor) && !files.has(kPreprocessor))
    throw InputError(files.place(kPreprocessor) + ": there is no such file, and no " + kProcessor +
                     " either; they say how the model takes pictures");
  const JsonObject processor = read(files, kProcessor);
  const auto nested = processor.json().find("image_processor");
  const bool has_nested = nested != processor.json().end() && !nested->is_null();
  return {
      processor,
      has_nested ? object_of(*nested, processor.origin() + ": image_processor") : read(files, kPreprocessor),
      read(files, kTokenizer)};
}

/// The files' fields with the caller's above them.
std::unique_ptr<ImageProcessor> make_images(const JsonObject& preprocessor, nlohmann::json config,
                                            const VisionProcessor::Options& options) {
  for (const auto& [key, value] : options.images_kwargs.items()) config[key] = value;
  // transformers cuts tiles by the processor's and puts them together by the model's (modeling_llava_next.py,
  // get_anyres_image_grid_shape): of two that fit a picture equally well the first counts.
  const char* grids = "image_grid_pinpoints";
  if (!options.tile_grids.is_null() && config.contains(grids) && config[grids] != options.tile_grids)
    throw InputError(preprocessor.origin() + ": " + grids + " is " + json_text(config[grids]).substr(0, 80) +
                     ", but config.json has " + json_text(options.tile_grids).substr(0, 80) +
                     ": tiles would be put together otherwise than they are cut; make them the same");
  return make_image_processor(object_of(std::move(config), preprocessor.origin()),
                              options.image_processor_type, options.backend);
}

}  // namespace

VisionProcessor VisionProcessor::from_files(const FileSet& files, const Options& options) {
  const ProcessorFiles all = read_all(files);
  std::shared_ptr<const ImagePrompt> prompt = make_image_prompt(all, options.processor_class);
  std::shared_ptr<const ImageProcessor> images =
      make_images(all.preprocessor, prompt->image_config(all.preprocessor.json()), options);
  return {std::move(images), std::move(prompt)};
}

std::unique_ptr<ImageProcessor> image_processor_from_files(const FileSet& files,
                                                           const VisionProcessor::Options& options) {
  const ProcessorFiles all = read_all(files);
  return make_images(all.preprocessor, all.preprocessor.json(), options);
}

ProcessorNames processor_names(const FileSet& files) {
  if (!files.has(kProcessor) && !files.has(kPreprocessor)) return {};
  const ProcessorFiles all = read_all(files);
  return {all.processor.string("processor_class", all.preprocessor.string("processor_class", "")),
          all.preprocessor.string("image_processor_type", "")};
}

}  // namespace mhub
