// SPDX-License-Identifier: Apache-2.0
// What the patterns that people write find in a model of every family (families.json): tiny models, made from
// a config and its plugin's mapping, in which every element is another number.
#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/mapping/identity.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/pretrained/inspection.hpp"
#include "mhub/pretrained/model_state.hpp"
#include "pretrained/family_models.hpp"

BOOST_AUTO_TEST_SUITE(patterns)

namespace fs = std::filesystem;
using namespace mhub;
using tests::families;
using tests::tensors_of;
using tests::write_model;

namespace {

/// {"uniform": ["layer.0.attention.{query,key}.weight"]} as "uniform layer.0.attention.key.weight", ...
std::vector<std::string> listed(const nlohmann::json& expected) {
  std::vector<std::string> names;
  for (const auto& [kind, patterns] : expected.items()) {
    for (const nlohmann::json& pattern : patterns) {
      for (const std::string& name : expand_alternatives(pattern.get<std::string>()))
        names.push_back(kind + " " + name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> listed(const std::vector<StateEntry>& entries) {
  constexpr std::array<const char*, 3> kKinds{"hugging_face", "megatron", "uniform"};
  std::vector<std::string> names;
  for (const StateEntry& entry : entries)
    names.push_back(std::string(kKinds.at(static_cast<std::size_t>(entry.kind()))) + " " + entry.name());
  std::sort(names.begin(), names.end());
  return names;
}

/// What one side has and the other lacks, for people.
std::string difference(const std::vector<std::string>& found, const std::vector<std::string>& expected) {
  std::string text;
  for (const std::string& name : found) {
    if (!std::binary_search(expected.begin(), expected.end(), name)) text += "\n  not expected: " + name;
  }
  for (const std::string& name : expected) {
    if (!std::binary_search(found.begin(), found.end(), name)) text += "\n  not found: " + name;
  }
  return text;
}

void check_found(const std::vector<StateEntry>& entries, const nlohmann::json& family,
                 const std::string& pattern) {
  const std::vector<std::string> found = listed(entries), expected = listed(family.at(pattern));
  BOOST_TEST((found == expected),
             family["config"]["architectures"] << ", " << pattern << difference(found, expected));
}

}  // namespace

BOOST_AUTO_TEST_CASE(three_patterns_on_every_family) {
  std::set<std::string> seen;
  for (const nlohmann::json family : families()) {
    const tests::TemporaryFolder folder;
    write_model(family, folder.file("model"));
    const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
    const ModelState state(checkpoint);
    check_found(state["*.attention.*.weight"], family, "*.attention.*.weight");
    check_found(state.regex(R"(.*\.bias$)"), family, ".*\\.bias$");
    check_found(state.glob("*.layer.*.weight"), family, "*.layer.*.weight");
    for (const auto& [uniform, hf] : family.at("equal").items()) {
      const StateEntry one = state.at(uniform), other = state.at(hf.get<std::string>());
      BOOST_TEST((one.kind() == NameKind::uniform && other.kind() == NameKind::hugging_face), uniform);
      BOOST_TEST((one.floats() == other.floats()), family["config"]["architectures"] << ": " << uniform);
    }
    seen.insert(family["family"].get<std::string>());
  }
  for (const PluginRegistry::Plugin& plugin : PluginRegistry::instance().plugins())
    BOOST_TEST(seen.contains(plugin.family), "families.json has no model of " << plugin.family);
}

/// However the names cut the state, each kind has all of it.
BOOST_AUTO_TEST_CASE(each_kind_of_names_sees_everything) {
  for (const nlohmann::json family : families()) {
    const tests::TemporaryFolder folder;
    write_model(family, folder.file("model"));
    const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
    const ModelState state(checkpoint);
    const std::int64_t all = summarize(checkpoint).parameters;
    std::int64_t unread = 0;  // where Megatron has what Hugging Face has not
    for (const CanonicalTensor& tensor : checkpoint.state.tensors) unread += tensor.unread;
    for (const NameKind kind : {NameKind::hugging_face, NameKind::megatron, NameKind::uniform}) {
      std::set<std::string> names;
      std::int64_t elements = 0;
      for (const StateEntry& entry : state.glob("*", kind)) {
        BOOST_TEST((entry.kind() == kind));
        BOOST_TEST(names.insert(entry.name()).second, entry.name() << " twice");
        elements += entry.numel();
      }
      BOOST_TEST(elements == (kind == NameKind::hugging_face ? all : all + unread),
                 family["config"]["architectures"] << ", " << to_string(kind));
    }
  }
}

/// A model of texts and images without a head is tied, unless its config says that it is not.
BOOST_AUTO_TEST_CASE(an_untied_model_of_texts_and_images_needs_its_head) {
  const nlohmann::ordered_json all = families();
  nlohmann::json family = *std::find_if(all.begin(), all.end(), [](const nlohmann::ordered_json& one) {
    return one["config"]["model_type"] == "mistral3";
  });
  const std::string head = "language_model.lm_head.weight", key = "tie_word_embeddings";
  const auto open = [&](const nlohmann::json& whole, const nlohmann::json& text) {
    const tests::TemporaryFolder folder;
    write_model(family, folder.file("model"), head);
    nlohmann::json config = family["config"];
    if (!whole.is_null()) config[key] = whole;
    if (!text.is_null()) config["text_config"][key] = text;
    tests::TinyLlama::write_text(folder.file("model") + "/config.json", config.dump());
    return open_checkpoint(folder.file("model")).transformer->share_embeddings_and_output_weights;
  };
  BOOST_TEST(open(nullptr, nullptr));
  BOOST_TEST(open(true, false));
  BOOST_TEST(open(nullptr, true));
  BOOST_CHECK_EXCEPTION(open(false, nullptr), InputError, tests::message_has(head, "missing"));
  BOOST_CHECK_EXCEPTION(open(nullptr, false), InputError, tests::message_has(head, "missing"));
  BOOST_CHECK_EXCEPTION(open(false, false), InputError, tests::message_has(head, "missing"));
}

BOOST_AUTO_TEST_SUITE_END()
