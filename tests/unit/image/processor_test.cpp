// SPDX-License-Identifier: Apache-2.0
// Pictures and prompts as transformers' processors made them (tests/golden/record_processors.py), and files
// that describe none.
#include <cmath>
#include <fstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/image/vision_processor.hpp"
#include "mhub/text/base64.hpp"

BOOST_AUTO_TEST_SUITE(processors)

using namespace mhub;
using namespace mhub::tests;

namespace {

const nlohmann::json& facts() {
  static const nlohmann::json json = nlohmann::json::parse(std::ifstream(MHUB_GOLDEN_PROCESSORS));
  return json;
}

Image picture(const std::string& name) {
  const std::string file = text::decode_base64(facts()["pictures"][name].get<std::string>(), name);
  return decode_image(std::as_bytes(std::span(file)), name);
}

JsonObject object(nlohmann::json json, const std::string& origin = "preprocessor_config.json") {
  return {std::make_shared<const nlohmann::json>(std::move(json)), origin};
}

std::unique_ptr<ImageProcessor> processor(const nlohmann::json& config,
                                          ImageBackend backend = ImageBackend::pillow) {
  return make_image_processor(object(config), "", backend);
}

void check_numbers(const ProcessedImage& found, const nlohmann::json& wanted, bool exact) {
  const auto step = facts()["step"].get<std::size_t>();
  // A step of 255 where torch computes bilinear in bytes and we do, or not, depending on the processor.
  const double limit = exact ? 1e-5 : 0.02, mean_limit = exact ? 1e-5 : 1e-3;
  double sum = 0;
  for (const float value : found.values) sum += value;
  const double mean = sum / static_cast<double>(found.values.size());
  BOOST_TEST(std::abs(mean - wanted["mean"].get<double>()) < mean_limit * std::max(1.0, std::abs(mean)));
  const auto& values = wanted["values"];
  BOOST_TEST_REQUIRE(values.size() == (found.values.size() + step - 1) / step);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double expected = values[k].get<double>();
    BOOST_TEST(std::abs(found.values[k * step] - expected) <= limit * std::max(1.0, std::abs(expected)), k);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(pictures_become_what_transformers_makes_of_them) {
  for (const auto& [name, recorded] : facts()["cases"].items()) {
    nlohmann::json config = recorded["preprocessor"];
    config.update(recorded["kwargs"]);
    for (const auto& [backend, pictures] : recorded["found"].items()) {
      const bool pillow = backend == "pillow";
      const auto made = processor(config, pillow ? ImageBackend::pillow : ImageBackend::torchvision);
      for (const auto& [file, wanted] : pictures.items()) {
        BOOST_TEST_CONTEXT(name << " " << backend << " " << file) {
          const ProcessedImage found = made->process(picture(file), file);
          BOOST_TEST(found.shape == wanted["shape"].get<std::vector<std::int64_t>>());
          for (const auto& [key, value] : {std::pair{"rows", found.rows},
                                           {"columns", found.columns},
                                           {"height", found.height},
                                           {"width", found.width}})
            BOOST_TEST((!wanted.contains(key) || wanted[key] == value), key);
          check_numbers(found, wanted, pillow);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(prompts_are_written_as_transformers_does) {
  int prompts = 0;
  for (const auto& [name, recorded] : facts()["cases"].items()) {
    if (!recorded.contains("filled")) continue;
    const TemporaryFolder folder;
    replace_file(folder.file("preprocessor_config.json"), recorded["preprocessor"].dump());
    replace_file(folder.file("processor_config.json"), recorded["processor"].dump());
    replace_file(folder.file("tokenizer_config.json"),
                 nlohmann::json{{"extra_special_tokens", recorded["tokens"]}}.dump());
    const auto made =
        VisionProcessor::from_files(*folder_files(folder.path()), {.images_kwargs = recorded["kwargs"]});
    std::vector<ProcessedImage> pictures;
    for (const auto& [file, content] : facts()["pictures"].items())
      pictures.push_back(made.process(picture(file), file, facts()["pictures"].size()));
    const auto prompt = recorded["prompt"].get<std::string>();
    BOOST_TEST(made.prompt().filled(prompt, pictures) == recorded["filled"].get<std::string>(), name);
    BOOST_CHECK_EXCEPTION(made.prompt().filled(prompt, std::span(pictures).first(1)), UsageError,
                          message_has(made.prompt().placeholder(), "2 times", "there are 1 pictures"));
    ++prompts;
  }
  BOOST_TEST(prompts > 10);
}

BOOST_AUTO_TEST_CASE(what_nobody_knows_is_refused_by_name) {
  BOOST_CHECK_EXCEPTION(processor({{"image_processor_type", "OtherImageProcessor"}}), InputError,
                        message_has("preprocessor_config.json", "OtherImageProcessor", "CLIPImageProcessor"));
  BOOST_CHECK_EXCEPTION(processor({{"image_processor_type", "CLIPImageProcessor"}, {"do_sharpen", true}}),
                        InputError, message_has("do_sharpen", "does not know it"));
  // What is null counts as missing, and what cannot matter is passed over.
  BOOST_CHECK_NO_THROW(processor({{"image_processor_type", "CLIPImageProcessorFast"},
                                  {"do_sharpen", nullptr},
                                  {"processor_class", "CLIPProcessor"}}));
  const std::vector<std::pair<std::string, nlohmann::json>> wrong{{"size", "large"},
                                                                  {"size", {{"width", 0}, {"height", 5}}},
                                                                  {"size", {{"depth", 5}}},
                                                                  {"image_std", {0, 1, 1}},
                                                                  {"image_mean", {1, 2}},
                                                                  {"resample", 9},
                                                                  {"crop_size", {{"height", 5}}},
                                                                  {"do_resize", "yes"},
                                                                  {"rescale_factor", 0}};
  for (const auto& [key, value] : wrong)
    BOOST_CHECK_EXCEPTION(processor({{"image_processor_type", "CLIPImageProcessor"}, {key, value}}),
                          InputError, message_has(key));
}

BOOST_AUTO_TEST_CASE(a_folder_without_a_word_on_pictures) {
  const TemporaryFolder folder;
  BOOST_CHECK_EXCEPTION(VisionProcessor::from_files(*folder_files(folder.path()), {}), InputError,
                        message_has("preprocessor_config.json", "there is no such file"));
}

BOOST_AUTO_TEST_CASE(tiles_without_end_are_refused) {
  const auto made = processor({{"image_processor_type", "LlavaNextImageProcessor"},
                               {"crop_size", 1},
                               {"size", 1},
                               {"image_grid_pinpoints", {{400, 400}}}});
  BOOST_CHECK_EXCEPTION(made->process(picture("rgb_64x48.png"), "p.png"), InputError,
                        message_has("p.png", "400 x 400 tiles"));
  const auto thin = processor({{"image_processor_type", "Qwen2VLImageProcessor"}});
  BOOST_CHECK_EXCEPTION(thin->process(Image{201, 1, std::vector<std::uint8_t>(603)}, "thin.png"), InputError,
                        message_has("thin.png", "200 times as long"));
}

/// Each step of these is small enough, and all together are not.
BOOST_AUTO_TEST_CASE(steps_without_end_are_refused) {
  const nlohmann::json wrong[] = {
      {{"image_processor_type", "LlavaNextImageProcessor"},
       {"do_center_crop", false},
       {"crop_size", 24},
       {"size", {{"height", 48}, {"width", 65536}}},
       {"image_grid_pinpoints", {{240, 240}}}},
      {{"image_processor_type", "Qwen2VLImageProcessor"},
       {"temporal_patch_size", 8},
       {"min_pixels", 16'000'000},
       {"max_pixels", 17'000'000}},
      {{"image_processor_type", "Gemma3ImageProcessor"}, {"size", {{"height", 65536}, {"width", 65536}}}}};
  for (const nlohmann::json& config : wrong)
    BOOST_CHECK_EXCEPTION(processor(config)->process(picture("rgb_64x48.png"), "p.png"), InputError,
                          message_has("p.png", "preprocessor_config.json"));
}

BOOST_AUTO_TEST_SUITE_END()
