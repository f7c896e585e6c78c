// SPDX-License-Identifier: Apache-2.0
#include "converters/recipe/recipe.hpp"

#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(recipe)

using namespace mhub;
using namespace mhub::tests;
using mhub::converters::ConvertRequest;
using mhub::converters::Recipe;

namespace {

using converters::Overrides;

Recipe read(const std::string& yaml, const Overrides& overrides = {}) {
  const TemporaryFolder folder;
  write_file(folder.file("r.yaml"), yaml);
  return converters::read_recipe(folder.file("r.yaml"), overrides);
}

/// Checks that the recipe is refused at "line:column" with `part` in the message.
void check_refused(const std::string& yaml, const std::string& place, const std::string& part) {
  BOOST_TEST_CONTEXT(yaml) {
    BOOST_CHECK_EXCEPTION(read(yaml), InputError, message_has("r.yaml:" + place + ": ", part));
  }
}

constexpr const char* kTwo = R"(
defaults: {tp: 2, verify: false}
conversions:
  - {source: a, output: b}
  - {source: c, output: d, tp: 4, to: torch}
)";

}  // namespace

BOOST_AUTO_TEST_CASE(reads_every_key) {
  const Recipe recipe = read(R"(
name: n
description: d
source: s
output: o
to: torch
tp: 2
pp: 3
vpp: 4
ep: 5
etp: 6
dtype: bf16
make_vocab_size_divisible_by: 64
transformer_impl: local
iteration: 100
jobs: 7
overwrite: true
verify: false
)");
  BOOST_TEST(recipe.name == "n");
  BOOST_TEST(recipe.description == "d");
  BOOST_REQUIRE(recipe.entries.size() == 1u);
  const ConvertRequest& one = recipe.entries[0].request;
  BOOST_TEST(one.source == "s");
  BOOST_TEST(one.output == "o");
  BOOST_TEST(one.write.format == "torch");
  BOOST_TEST(one.write.tp == 2);
  BOOST_TEST(one.write.pp == 3);
  BOOST_TEST(one.write.vpp == 4);
  BOOST_TEST(one.write.ep == 5);
  BOOST_TEST(one.write.etp.value_or(0) == 6);
  BOOST_TEST((one.write.dtype == DType::bf16));
  BOOST_TEST((one.write.vocab_divisible_by == 64));
  BOOST_TEST((one.write.impl == TransformerImpl::local));
  BOOST_TEST((one.write.iteration == 100));
  BOOST_TEST(one.run.jobs == 7);
  BOOST_TEST(one.run.overwrite);
  BOOST_TEST(!one.run.verify);
}

BOOST_AUTO_TEST_CASE(has_the_defaults_of_the_command_and_verifies) {
  const ConvertRequest one = read("{source: s, output: o, iteration: release}").entries.at(0).request;
  BOOST_TEST(one.write.format.empty());
  BOOST_TEST(one.write.tp == 1);
  BOOST_TEST(!one.write.dtype.has_value());
  BOOST_TEST(!one.write.iteration.has_value());
  BOOST_TEST(!one.run.overwrite);
  BOOST_TEST(one.run.verify);
}

BOOST_AUTO_TEST_CASE(a_second_document_is_refused) {
  BOOST_CHECK_EXCEPTION(read("{source: s, output: o}\n---\n{source: t, output: p}\n"), InputError,
                        [](const Error& error) {
                          return std::string(error.what()).find("second YAML document") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_CASE(merges_defaults_into_each_conversion) {
  const Recipe recipe = read(kTwo);
  BOOST_REQUIRE(recipe.entries.size() == 2u);
  BOOST_TEST(recipe.entries[0].request.write.tp == 2);
  BOOST_TEST(recipe.entries[1].request.write.tp == 4);
  BOOST_TEST(recipe.entries[0].request.write.format.empty());
  BOOST_TEST(recipe.entries[1].request.write.format == "torch");
  BOOST_TEST(!recipe.entries[1].request.run.verify);
}

BOOST_AUTO_TEST_CASE(overrides_all_conversions_or_one) {
  const Recipe recipe = read(kTwo, {{"tp", "8"}, {"conversions.1.output", "e"}, {"conversions.0.tp", "16"}});
  BOOST_TEST(recipe.entries[0].request.write.tp == 16);
  BOOST_TEST(recipe.entries[1].request.write.tp == 8);
  BOOST_TEST(recipe.entries[0].request.output == "b");
  BOOST_TEST(recipe.entries[1].request.output == "e");
}

BOOST_AUTO_TEST_CASE(takes_required_keys_from_overrides) {
  BOOST_TEST(read("{tp: 2}", {{"source", "s"}, {"output", "o"}}).entries.at(0).request.source == "s");
}

BOOST_AUTO_TEST_CASE(refuses_overrides_that_make_no_sense) {
  const Overrides wrong{{"tpp", "2"},
                        {"tp", "two"},
                        {"tp", ""},
                        {"tp", "0"},
                        {"conversions.2.tp", "1"},
                        {"conversions.x.tp", "1"},
                        {"conversions.0", "1"},
                        {"conversions.0.", "1"},
                        {"", "1"},
                        {"conversions.99999999999999999999.tp", "1"},
                        {"name", "x"},
                        {"to", "onnx"}};
  for (const auto& [key, value] : wrong) {
    BOOST_TEST_CONTEXT(key << "=" << value) {
      BOOST_CHECK_EXCEPTION(read(kTwo, {{key, value}}), UsageError, message_has("--set " + key));
    }
  }
  BOOST_CHECK_EXCEPTION(read(kTwo, {{"conversions.0.sorce", "x"}}), UsageError,
                        message_has("did you mean \"source\"?"));
}

BOOST_AUTO_TEST_CASE(suggests_the_nearest_key) {
  check_refused("source: s\noutput: o\n  \ntpp: 2\n", "4:1", "unknown key \"tpp\"; did you mean \"tp\"?");
  check_refused("source: s\nouput: o\n", "2:1", "did you mean \"output\"?");
  check_refused("defaults: {make_vocab_divisible_by: 2}\nconversions: [{source: s, output: o}]", "1:12",
                "did you mean \"make_vocab_size_divisible_by\"?");
  check_refused("conversion: []", "1:1", "did you mean \"conversions\"?");
}

BOOST_AUTO_TEST_CASE(says_what_was_expected_and_where) {
  check_refused("source: s\noutput: o\ntp: two\n", "3:5", "tp: expected an integer, found \"two\"");
  check_refused("source: s\noutput: o\ntp: 1.5\n", "3:5", "expected an integer");
  check_refused("source: s\noutput: o\ntp: 0\n", "3:5", "tp: ");
  check_refused("source: s\noutput: o\ntp: [1]\n", "3:5", "found a list");
  check_refused("source: s\noutput: o\nverify: maybe\n", "3:9", "expected true or false");
  check_refused("source: s\noutput: o\ndtype: int8\n", "3:8", "expected bf16, fp16 or fp32");
  check_refused("source: s\noutput: o\nto: onnx\n", "3:5", "found \"onnx\"");
  check_refused("source: s\noutput: o\niteration: 0\n", "3:12", "iteration");
  check_refused("source: s\noutput: o\njobs: -1\n", "3:7", "jobs");
  check_refused("source: {a: b}\noutput: o\n", "1:9", "source: expected a path, found a map");
}

BOOST_AUTO_TEST_CASE(refuses_recipes_of_another_form) {
  check_refused("", "1:1", "expected a recipe");
  check_refused("- a\n", "1:1", "expected a recipe");
  check_refused("a: [\n", "2:1", "not valid YAML");
  check_refused("source: s\n", "1:1", "output is missing");
  check_refused("output: s\n", "1:1", "source is missing");
  check_refused("source: s\noutput: o\nsource: t\n", "3:1", "\"source\" is there twice");
  check_refused("conversions: []\n", "1:14", "expected a list");
  check_refused("conversions: [a]\n", "1:15", "as a map");
  check_refused("conversions: [{source: s, output: o}]\ntp: 2\n", "2:1", "put it under defaults");
  BOOST_CHECK_THROW(read(std::string(100'000, '[')), InputError);
  BOOST_CHECK_THROW(converters::read_recipe("no/such.yaml", {}), IoError);
}

BOOST_AUTO_TEST_CASE(reads_the_recipes_of_this_repository) {
  const auto folder = std::filesystem::path(MHUB_REPOSITORY) / "recipes";
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".yaml") continue;
    ++count;
    BOOST_TEST_CONTEXT(file.path()) {
      const Recipe recipe = converters::read_recipe(file.path().string(), {});
      const std::string name = file.path().stem().string();
      BOOST_TEST(recipe.name == name);
      for (const converters::RecipeEntry& entry : recipe.entries) {
        const ConvertRequest& one = entry.request;
        BOOST_TEST(one.source.starts_with("models/" + name));
        const std::string size = one.write.tp > 1 ? "-tp" + std::to_string(one.write.tp) : "";
        BOOST_TEST(one.output.starts_with("checkpoints/" + name + size));
        BOOST_TEST(one.run.verify);
      }
    }
  }
  BOOST_TEST(count >= 13);
}

BOOST_AUTO_TEST_SUITE_END()
