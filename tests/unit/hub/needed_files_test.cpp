// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/needed_files.hpp"

#include <boost/test/unit_test.hpp>

#include "hub/cached_model.hpp"
#include "mhub/hub/download.hpp"

BOOST_AUTO_TEST_SUITE(needed_files)

using namespace mhub;
using tests::CachedModel;
using tests::kCommit;
using tests::put;

namespace {

RepoFiles repository(const std::vector<std::string>& names) {
  RepoFiles files;
  for (const std::string& name : names) files.push_back({name, 10, std::string(40, 'a')});
  return files;
}

std::string joined(const RepoFiles& files) {
  std::string text;
  for (const RepoFile& file : files) text += (text.empty() ? "" : " ") + file.name;
  return text;
}

constexpr const char* kIndex = R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})";

}  // namespace

BOOST_AUTO_TEST_CASE(small_files_are_what_a_loader_reads) {
  RepoFiles all =
      repository({"config.json", "README.md", "LICENSE", ".gitattributes", "tokenizer.json", "logo.png",
                  "modeling_x.py", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx",
                  "onnx/config.json", "chat_templates/tool.jinja", "pytorch_model.bin.index.json"});
  BOOST_TEST(joined(small_files(all)) ==
             "config.json README.md LICENSE tokenizer.json modeling_x.py chat_templates/tool.jinja");
  for (RepoFile& file : all) {
    if (file.name == "LICENSE") file.size = 1ULL << 30;
  }
  BOOST_TEST(joined(small_files(all)).find("LICENSE") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_container_of_weights_is_taken) {
  const RepoFiles both = repository({"config.json", "model.safetensors", "pytorch_model.bin"});
  BOOST_TEST(weight_index(both).empty());
  BOOST_TEST(joined(weight_files_of(both, "")) == "model.safetensors");
  const RepoFiles sharded = repository({"config.json", "model.safetensors.index.json", "model-1.safetensors",
                                        "model-2.safetensors", "model-3.safetensors", "pytorch_model.bin"});
  BOOST_TEST(weight_index(sharded) == "model.safetensors.index.json");
  BOOST_TEST(joined(weight_files_of(sharded, kIndex)) == "model-1.safetensors model-2.safetensors");
  BOOST_TEST(joined(small_files(sharded)) == "config.json model.safetensors.index.json");
  BOOST_TEST(joined(weight_files_of(repository({"pytorch_model.bin"}), "")) == "pytorch_model.bin");
  BOOST_CHECK_EXCEPTION(
      weight_files_of(repository({"model.safetensors.index.json", "model-1.safetensors"}), kIndex),
      InputError, tests::message_has("lists model-2.safetensors"));
  BOOST_CHECK_EXCEPTION(
      weight_files_of(repository({"model.safetensors.index.json"}), R"({"weight_map": {"a": "../x"}})"),
      InputError, tests::message_has("tensor a: expected a file name"));
}

BOOST_AUTO_TEST_CASE(a_model_without_weights_says_what_it_has_instead) {
  BOOST_CHECK_EXCEPTION(
      model_files({"org/name"}, repository({"config.json", "q4.gguf", "q8.gguf", "x.onnx"}), ""), InputError,
      tests::message_has("org/name: has no weights that mhub reads", "in .gguf, .onnx"));
  const RepoFiles megatron = repository({"latest_checkpointed_iteration.txt", "release/__0_0.distcp"});
  BOOST_TEST(joined(model_files({"org/name"}, megatron, "")) == joined(megatron));
}

BOOST_AUTO_TEST_CASE(files_are_chosen_by_name) {
  const RepoFiles all = repository({"a.json", "b.bin", "original/c.json", "original/d.pth"});
  BOOST_TEST(joined(matching(all, {"*.json"}, {})) == "a.json original/c.json");
  BOOST_TEST(joined(matching(all, {"original/"}, {"*.pth"})) == "original/c.json");
  BOOST_TEST(joined(matching(all, {}, {"*.bin"})) == "a.json original/c.json original/d.pth");
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_complete_or_says_what_it_lacks) {
  const CachedModel model;
  const auto lacks = [&](Wanted wanted) { return missing_files(model.cache, kCommit, wanted); };
  model.add("README.md", "x", "e0");
  BOOST_TEST(lacks(Wanted::model).essential == (std::vector<std::string>{"config.json", "model.safetensors"}),
             boost::test_tools::per_element());
  model.add("config.json", "{}", "e1");
  BOOST_TEST(lacks(Wanted::files).essential.empty());
  BOOST_TEST(lacks(Wanted::files).others.size() == 1);
  model.add("tokenizer.json", "{}", "e2");
  BOOST_TEST(lacks(Wanted::files).none());
  model.add("model.safetensors.index.json", kIndex, "e3");
  model.add("model-1.safetensors", "x", "e4");
  BOOST_TEST(lacks(Wanted::model).essential == (std::vector<std::string>{"model-2.safetensors"}),
             boost::test_tools::per_element());
  model.add("model-2.safetensors", "x", "e5");
  BOOST_TEST(lacks(Wanted::model).none());
}

BOOST_AUTO_TEST_CASE(a_model_may_have_no_tokenizer) {
  const CachedModel model;
  model.add("config.json", "{}", "e1");
  model.add("pytorch_model.bin", "x", "e2");
  BOOST_TEST(!missing_files(model.cache, kCommit, Wanted::model).none());
  model.cache.set_absent(kCommit, "tokenizer_config.json");
  BOOST_TEST(!missing_files(model.cache, kCommit, Wanted::model).none());
  model.cache.set_absent(kCommit, "tokenizer.json");
  BOOST_TEST(missing_files(model.cache, kCommit, Wanted::model).none());
}

BOOST_AUTO_TEST_CASE(the_list_of_files_says_exactly_what_is_missing) {
  const CachedModel model;
  model.add("config.json", "{}", "e1");
  model.add("tokenizer.json", "{}", "e2");
  model.add("model.safetensors", "x", "e3");
  put(model.cache.folder() / "trees" / (kCommit + ".json"),
      R"({"format_version": 1, "files": {"config.json": {"size": 2, "blob_id": "e1"}, "README.md": {"size": 2, "blob_id": "e7"},
      "model.safetensors": {"size": 2, "blob_id": "e3"}, "tokenizer.json": {"size": 2, "blob_id": "e2"},
      "chat_template.jinja": {"size": 2, "blob_id": "e8"}}})");
  const Missing missing = missing_files(model.cache, kCommit, Wanted::model);
  BOOST_TEST(missing.essential.empty());
  BOOST_TEST(missing.others == std::vector<std::string>{"chat_template.jinja"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
