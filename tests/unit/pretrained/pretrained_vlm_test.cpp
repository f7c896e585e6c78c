// SPDX-License-Identifier: Apache-2.0
// Models that see, without a word of Python: what they are made of, and what they refuse. That they see right
// is tests/interop/see_check.py's business.
#include "mhub/pretrained/pretrained_vlm.hpp"

#include <algorithm>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "pretrained/family_models.hpp"

BOOST_AUTO_TEST_SUITE(pretrained_vlm)

using namespace mhub;
using namespace mhub::tests;

namespace {

nlohmann::json family(const std::string& class_name) {
  for (const nlohmann::json one : families()) {
    if (one["config"]["architectures"][0] == class_name) return one;
  }
  throw std::logic_error(class_name + " is not in families.json");
}

/// A model of the family with a processor that gives it pictures of its own size.
struct Model {
  explicit Model(const std::string& class_name) : config(family(class_name)["config"]) {
    write_model(family(class_name), folder.path());
    config["image_token_index"] = 15;
    replace_file(folder.file("config.json"), config.dump());
    const nlohmann::json size = config["vision_config"]["image_size"];
    replace_file(folder.file("preprocessor_config.json"),
                 nlohmann::json{{"image_processor_type", "CLIPImageProcessor"},
                                {"size", {{"shortest_edge", size}}},
                                {"crop_size", size}}
                     .dump());
    replace_file(folder.file("processor_config.json"),
                 nlohmann::json{{"processor_class", "LlavaProcessor"},
                                {"patch_size", config["vision_config"]["patch_size"]}}
                     .dump());
  }

  std::int64_t patches() const {
    const auto& vision = config["vision_config"];
    const std::int64_t side =
        vision["image_size"].get<std::int64_t>() / vision["patch_size"].get<std::int64_t>();
    return side * side;
  }

  TemporaryFolder folder;
  nlohmann::json config;
};

const Image kPicture{5, 4, std::vector<std::uint8_t>(60, 90)};

}  // namespace

BOOST_AUTO_TEST_CASE(both_halves_are_printed_from_headers) {
  const Model model("LlavaForConditionalGeneration");
  std::ostringstream text;
  text << PreTrainedVLM<>::from_pretrained(model.folder.path());
  for (const char* part :
       {"PreTrainedVLM(", "(model): LlavaForConditionalGeneration", "(vision): CLIPVisionModel",
        "(processor): LlavaProcessor [CLIPImageProcessor]", "(image_token): ", " [decoder=", ", projector="})
    BOOST_TEST(text.str().find(part) != std::string::npos, part << " in " << text.str());
}

BOOST_AUTO_TEST_CASE(features_take_the_places_of_image_tokens) {
  const Model model("LlavaForConditionalGeneration");
  auto eyes = PreTrainedVLM<>::from_pretrained(model.folder.path(), {.threads = 1});
  const auto image_token = model.config["image_token_index"].get<std::int64_t>();
  VlmInputs inputs{{1, 2}, eyes.process_images({kPicture, kPicture})};
  inputs.input_ids.insert(inputs.input_ids.end(), static_cast<std::size_t>(model.patches()), image_token);
  BOOST_CHECK_EXCEPTION(eyes.image_features(inputs), InputError,
                        message_has(std::to_string(model.patches()) + " image tokens",
                                    std::to_string(2 * model.patches()) + " features"));
  inputs.input_ids.push_back(3);
  inputs.input_ids.insert(inputs.input_ids.end(), static_cast<std::size_t>(model.patches()), image_token);
  const std::vector<runtime::PictureFeatures> features = eyes.image_features(inputs);
  const runtime::Prompt prompt = eyes.placed(inputs.input_ids, features);
  BOOST_TEST_REQUIRE(prompt.features.size() == 2U);
  BOOST_TEST(prompt.features[0].position == 2);
  BOOST_TEST(prompt.features[1].position == 3 + model.patches());
  BOOST_TEST(prompt.features[0].values.data() == features[0].values.data());
  BOOST_TEST(prompt.features[1].values.size() == features[1].values.size());
  BOOST_TEST((prompt.together.empty() && prompt.grids.empty()));
  BOOST_TEST(
      eyes.generate(inputs,
                    {.max_new_tokens = 2, .temperature = 0, .eos_token_id = std::vector<std::int64_t>()})
          .tokens.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_ragged_batch_answers_as_each_alone) {
  const Model model("LlavaForConditionalGeneration");
  auto eyes = PreTrainedVLM<>::from_pretrained(model.folder.path(), {.threads = 1});
  const auto token = model.config["image_token_index"].get<std::int64_t>();
  std::vector<VlmInputs> inputs;
  for (const std::int64_t pictures : {2, 0, 1}) {
    VlmInputs& one = inputs.emplace_back(VlmInputs{{1, 2 + pictures}, {}});
    for (std::int64_t k = 0; k < pictures; ++k) {
      const Image picture{5, 4, std::vector<std::uint8_t>(60, static_cast<std::uint8_t>(40 * (k + 1)))};
      one.pictures.push_back(eyes.process_images({picture}).front());
      one.input_ids.insert(one.input_ids.end(), static_cast<std::size_t>(model.patches()), token);
    }
  }
  const GenerateOptions options{
      .max_new_tokens = 4, .temperature = 0, .eos_token_id = std::vector<std::int64_t>()};
  const std::vector<TextGeneration> together = eyes.generate_batch(inputs, options);
  BOOST_TEST_REQUIRE(together.size() == inputs.size());
  for (std::size_t k = 0; k < inputs.size(); ++k)
    BOOST_TEST(together[k].tokens == eyes.generate(inputs[k], options).tokens,
               boost::test_tools::per_element());
  GenerateOptions streamed = options;
  streamed.on_text = [](std::string_view) {};
  BOOST_CHECK_THROW(eyes.generate_batch(inputs, streamed), UsageError);
}

BOOST_AUTO_TEST_CASE(who_sees_what) {
  const Model clip("CLIPModel");
  BOOST_CHECK_EXCEPTION(PreTrainedVLM<>::from_pretrained(clip.folder.path()), InputError,
                        message_has("CLIPModel", "mhub features"));
  auto both = DualEncoder::from_pretrained(clip.folder.path(), {.threads = 1});
  BOOST_TEST(both.image_features({kPicture, kPicture}).size() ==
             static_cast<std::size_t>(2 * both.projection_dim()));
  BOOST_CHECK_EXCEPTION(both.text_features({"a"}), InputError, message_has("has no tokenizer"));
  BOOST_CHECK_THROW(DualEncoder::from_pretrained(clip.folder.path(), {.device = "cuda"}), UsageError);

  const TemporaryFolder blind;
  write_model(family("LlamaForCausalLM"), blind.path());
  BOOST_CHECK_EXCEPTION(PreTrainedVLM<>::from_pretrained(blind.path()), InputError,
                        message_has("LlamaForCausalLM", "sees no pictures"));
  BOOST_CHECK_EXCEPTION(DualEncoder::from_pretrained(blind.path()), InputError,
                        message_has("LlamaForCausalLM", "as CLIPModel does"));
}

BOOST_AUTO_TEST_CASE(a_picture_of_another_size_is_refused) {
  const Model model("LlavaForConditionalGeneration");
  auto eyes =
      VLM::from_pretrained(model.folder.path(), {.threads = 1}, {.images_kwargs = {{"crop_size", 9}}});
  const VlmInputs inputs{{1}, eyes.process_images({kPicture})};
  BOOST_CHECK_EXCEPTION(eyes.image_features(inputs), InputError, message_has("9 x 9", "the tower takes"));
  BOOST_CHECK_EXCEPTION(eyes.process_images({std::vector<std::byte>(7)}), InputError,
                        message_has("picture 1", "not a picture"));
}

BOOST_AUTO_TEST_SUITE_END()
