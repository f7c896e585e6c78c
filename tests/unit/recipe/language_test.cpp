// SPDX-License-Identifier: Apache-2.0
// What recipes can say: variables, includes, merge keys, matrices, patterns of sources, steps, the graph.
#include <cstdlib>
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "converters/recipe/recipe.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(recipe_language)

using namespace mhub;
using namespace mhub::tests;
using converters::Overrides;
using converters::Recipe;
using converters::RecipeEntry;
using Names = std::vector<std::string>;

namespace {

class Kitchen {
 public:
  std::string file(const std::string& name) const { return folder_.file(name); }
  void write(const std::string& name, const std::string& text) const { replace_file(file(name), text); }
  Recipe read(const std::string& yaml, const Overrides& overrides = {}) const {
    write("r.yaml", yaml);
    return converters::read_recipe(file("r.yaml"), overrides);
  }

 private:
  TemporaryFolder folder_;
};

Names names(const Recipe& recipe) {
  Names result;
  for (const RecipeEntry& entry : recipe.entries) result.push_back(entry.name);
  return result;
}
Names outputs(const Recipe& recipe) {
  Names result;
  for (const RecipeEntry& entry : recipe.entries) result.push_back(entry.request.output);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(variables_have_values) {
  ::setenv("MHUB_TEST_ROOT", "/data", 1);
  ::setenv("MHUB_TEST_EMPTY", "", 1);
  ::setenv("HOME", "/home/me", 1);
  const Kitchen kitchen;
  const Recipe recipe = kitchen.read(R"(
variables: {root: "${env:MHUB_TEST_ROOT}", models: "${root}/models", what: models}
source: ~/${env:MHUB_TEST_EMPTY:-fallback}/${what}
output: ${models}/out-tp${tp}-$${x}-${env:MHUB_TEST_NONE:-}$5
tensor_model_parallel_size: 2
)");
  BOOST_TEST(recipe.entries.at(0).request.source == "/home/me/fallback/models");
  BOOST_TEST(recipe.entries.at(0).request.output == "/data/models/out-tp2-${x}-$5");
  const Recipe other = kitchen.read("variables: {root: a}\nsource: s\noutput: ${root}/${tp}\ntp: 1\n",
                                    {{"variables.root", "b"}, {"tp", "8"}});
  BOOST_TEST(other.entries.at(0).request.output == "b/8");
}

BOOST_AUTO_TEST_CASE(megatrons_spellings_are_the_short_ones) {
  const Kitchen kitchen;
  const RecipeEntry entry = kitchen
                                .read(R"(
source: s
output: o
tensor_model_parallel_size: 2
pipeline_model_parallel_size: 3
num_virtual_stages_per_pipeline_rank: 4
expert_model_parallel_size: 5
expert_tensor_parallel_size: 6
num_layers_in_first_pipeline_stage: 7
decoder_last_pipeline_num_layers: 8
account_for_loss_in_pipeline_split: yes
)")
                                .entries.at(0);
  const WriteOptions& write = entry.request.write;
  BOOST_TEST((write.tp == 2 && write.pp == 3 && write.vpp == 4 && write.ep == 5 && write.etp == 6));
  BOOST_TEST((write.pipeline.first_stage_layers == 7 && write.pipeline.last_stage_layers == 8));
  BOOST_TEST(write.pipeline.account_for_loss);
  BOOST_TEST(kitchen.read("source: s\noutput: o\ntp: 1\n", {{"tensor_model_parallel_size", "4"}})
                 .entries[0]
                 .request.write.tp == 4);
}

BOOST_AUTO_TEST_CASE(includes_and_merge_keys) {
  const Kitchen kitchen;
  std::filesystem::create_directories(kitchen.file("lib"));
  kitchen.write("lib/base.yaml", "variables: {a: base, b: base}\ndefaults: {tp: 2, dtype: bf16}\n");
  kitchen.write("lib/more.yaml", "include: base.yaml\nconversions: [{source: s, output: \"${a}-${b}\"}]\n");
  const Recipe recipe = kitchen.read(R"(
include: lib/more.yaml
variables: {b: mine}
defaults: &d {tp: 4}
conversions:
  - &first {source: t, output: o, <<: *d}
  - {<<: [{output: p}, *first], tp: 8}
)");
  BOOST_TEST(outputs(recipe) == (Names{"base-mine", "o", "p"}), boost::test_tools::per_element());
  BOOST_TEST(recipe.entries[0].request.write.tp == 4);
  BOOST_TEST((recipe.entries[0].request.write.dtype == DType::bf16));
  BOOST_TEST(recipe.entries[2].request.write.tp == 8);
  BOOST_TEST(recipe.entries[2].request.source == "t");
  // Only what is included.
  BOOST_TEST(kitchen.read("include: lib/more.yaml\nname: n\n").entries.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_matrix_makes_entries) {
  const Kitchen kitchen;
  const Recipe recipe = kitchen.read(R"(
matrix:
  model: [{name: tiny, source: org/tiny}, {name: gpt, source: gpt2}]
  layout: [{tp: 1}, {tp: 2, pp: 2}]
  dtype: [bf16, fp32]
  exclude: [{model: gpt, dtype: fp32}, {tp: 2, dtype: fp32}]
  include: [{model: x, source: x, dtype: fp16, layout: l}]
output: out/${model}/${layout}-${dtype}
)");
  BOOST_TEST(names(recipe) == (Names{"tiny-tp1-bf16", "tiny-tp1-fp32", "tiny-tp2-pp2-bf16", "gpt-tp1-bf16",
                                     "gpt-tp2-pp2-bf16", "x-x-fp16-l"}),
             boost::test_tools::per_element());
  BOOST_TEST(recipe.entries[2].request.output == "out/tiny/tp2-pp2-bf16");
  BOOST_TEST(recipe.entries[2].request.source == "org/tiny");
  BOOST_TEST(recipe.entries[2].request.write.pp == 2);
}

BOOST_AUTO_TEST_CASE(what_is_left_out_may_contradict_itself) {
  const Kitchen kitchen;
  const std::string yaml =
      "output: c/${name}\nmatrix:\n  model: [{name: a, source: g}, {name: b, source: l, tp: 2}]\n"
      "  layout: [{tp: 1}, {pp: 2}]\n";
  BOOST_TEST(names(kitchen.read(yaml + "  exclude: [{model: b, layout: tp1}]\n")) ==
                 (Names{"a-tp1", "a-pp2", "b-pp2"}),
             boost::test_tools::per_element());
  BOOST_CHECK_EXCEPTION(kitchen.read(yaml), InputError, message_has("tp has a value in ", "already"));
}

BOOST_AUTO_TEST_CASE(names_are_given_or_made) {
  const Kitchen kitchen;
  BOOST_TEST(names(kitchen.read("conversions:\n- {source: s, output: a/x}\n- {source: s, output: b/x}\n"
                                "- {name: own, source: s, output: c}\n"
                                "- {name: \"m-${tp}\", source: s, output: \"d${tp}\", matrix: {tp: [1, 2]}}\n"
                                "- {name: n, source: s, output: \"e${tp}\", matrix: {tp: [1, 2]}}\n")) ==
                 (Names{"x", "b-x", "own", "m-1", "m-2", "n-tp1", "n-tp2"}),
             boost::test_tools::per_element());
  BOOST_TEST(names(kitchen.read("name: llama-3.1\nsource: s\noutput: o\n")) == Names{"llama-3.1"});
}

BOOST_AUTO_TEST_CASE(set_names_an_entry) {
  const Kitchen kitchen;
  const std::string two =
      "conversions:\n- {name: v1.5, source: s, output: a}\n- {name: b, source: s, output: b}\n";
  const Recipe recipe = kitchen.read(two, {{"v1.5.tp", "4"},
                                           {"b.upload.repo", "org/b"},
                                           {"upload.create", "true"},
                                           {"conversions.0.upload", "org/a@dev"}});
  BOOST_TEST(recipe.entries[0].request.write.tp == 4);
  BOOST_TEST(recipe.entries[1].request.write.tp == 1);
  BOOST_TEST(recipe.entries[1].steps.upload->place() == "org/b");
  BOOST_TEST(recipe.entries[1].steps.upload->create);
  BOOST_TEST(recipe.entries[0].steps.upload->place() == "org/a@dev");
  BOOST_CHECK_EXCEPTION(kitchen.read(two, {{"v1.6.tp", "4"}}), UsageError,
                        message_has("--set v1.6.tp: ", "did you mean \"v1.5\"?"));
  BOOST_CHECK_EXCEPTION(kitchen.read(two, {{"b.tp", "x"}}), UsageError,
                        message_has("--set b.tp: expected an integer, found \"x\""));
  BOOST_CHECK_EXCEPTION(kitchen.read(two, {{"needs", "b"}}), UsageError,
                        message_has("--set needs: needs is said in the recipe alone; change it there"));
  BOOST_CHECK_EXCEPTION(kitchen.read(two, {{"variables.x", "4"}}), UsageError,
                        message_has("--set variables.x: the recipe has no variable x"));
}

BOOST_AUTO_TEST_CASE(sources_finds_the_iterations_that_are_complete) {
  const Kitchen kitchen;
  const std::string runs = kitchen.file("runs");
  for (const char* path : {"a/iter_0000010", "a/iter_0000020", "a/iter_0000030", "b/iter_0000005"})
    std::filesystem::create_directories(runs + "/" + path);
  write_file(runs + "/a/latest_checkpointed_iteration.txt", "20");
  const std::string yaml = "name: n\nsources: " + runs +
                           "/*/iter_*\noutput: out/{run}/{iteration}\nto: hf\n"
                           "upload: {repo: org/x, revision: \"{run}-${iteration}-{name}\"}\n";
  const Recipe recipe = kitchen.read(yaml);
  BOOST_TEST(outputs(recipe) == (Names{"out/a/10", "out/a/20", "out/b/5"}), boost::test_tools::per_element());
  BOOST_TEST(names(recipe) == (Names{"a-10", "a-20", "b-5"}), boost::test_tools::per_element());
  BOOST_TEST(recipe.entries[1].request.source == runs + "/a/iter_0000020");
  BOOST_TEST(recipe.entries[1].steps.upload->revision == "a-20-a-20");
  replace_file(runs + "/a/latest_checkpointed_iteration.txt", "30\n");
  BOOST_TEST(kitchen.read(yaml).entries.size() == 4u);
  const Recipe none = kitchen.read("sources: " + runs + "/c*\noutput: o/{run}\n");
  BOOST_TEST(none.entries.empty());
  BOOST_TEST(none.notes.size() == 1u);
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(runs + "/b");
  const Recipe here = kitchen.read("sources: iter_*\noutput: ../../out/{run}-{iteration}\n");
  std::filesystem::current_path(before);
  BOOST_TEST(outputs(here) == Names{"../../out/b-5"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(entries_use_each_others_outputs) {
  const Kitchen kitchen;
  const Recipe recipe = kitchen.read(R"(
conversions:
  - {name: back, source: "${outputs.${which}}", output: hf, to: hf}
  - {name: there, source: s, output: there}
  - {name: again, source: there/release, output: again}
  - {name: last, source: t, output: last, needs: [again, back]}
  - {name: seen, source: "${outputs.there}", generate: "a b"}
variables: {which: there}
)");
  BOOST_TEST(recipe.entries[0].request.source == "there");
  BOOST_TEST(recipe.order() == (std::vector<std::size_t>{1, 0, 2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(recipe.entries[2].needs == std::vector<std::size_t>{1});
  BOOST_TEST(!recipe.entries[4].converts());
  BOOST_TEST(recipe.entries[4].steps.generate->prompt == "a b");
}

BOOST_AUTO_TEST_CASE(steps_are_merged_and_taken_back) {
  const Kitchen kitchen;
  const Recipe recipe = kitchen.read(R"(
defaults:
  upload: {repo: "org/${name}", create: true, private: true}
  generate: {tokens: "1,2", max_new_tokens: 3}
  logits: {tolerance: 1e-2}
conversions:
  - {name: a, source: s, output: a, upload: {revision: dev}, logits: false}
  - {name: b, source: s, output: b, upload: false, generate: hello, logits: true}
)");
  const converters::UploadStep& upload = *recipe.entries[0].steps.upload;
  BOOST_TEST((upload.place() == "org/a@dev" && upload.create && upload.is_private));
  BOOST_TEST(recipe.entries[0].steps.generate->max_new_tokens == 3);
  BOOST_TEST(!recipe.entries[0].steps.logits);
  BOOST_TEST(!recipe.entries[1].steps.upload);
  BOOST_TEST(recipe.entries[1].steps.generate->prompt == "hello");
  BOOST_TEST(recipe.entries[1].steps.generate->max_new_tokens == 8);
  BOOST_TEST(recipe.entries[1].steps.logits->tolerance == 1e-3);
}

BOOST_AUTO_TEST_CASE(settings_are_what_the_output_depends_on) {
  const Kitchen kitchen;
  const auto settings = [&](const std::string& more) {
    return kitchen.read("source: s\noutput: o\n" + more).entries.at(0).settings;
  };
  BOOST_TEST(settings("").empty());
  BOOST_TEST((settings("jobs: 2\nverify: false\nresume: true\noverwrite: true\nno_cache: true\n").empty()));
  BOOST_TEST((settings("to: torch_dist\niteration: release\ntransformer_impl: te\n").empty()));
  BOOST_TEST((settings("tp: 1\npp: 1\nallow_overflow: false\n").empty()));
  BOOST_TEST((settings("tensor_model_parallel_size: 2\n") == settings("tp: 2\n")));
  // Every other key counts.
  for (const converters::ConvertKey& key : converters::convert_keys()) {
    if (key.how) continue;
    for (const char* value : {"true", "2", "torch", "bf16", "local", "gpt", "5GB"}) {
      converters::ConvertRequest request;
      try {
        key.set(request, value);
      } catch (const UsageError&) {
        continue;
      }
      BOOST_TEST(!settings(std::string(key.name) + ": " + value + "\n").empty(), key.name << ": " << value);
    }
  }
}

BOOST_AUTO_TEST_CASE(reads_the_examples) {
  const Kitchen kitchen;
  const std::string folder = std::string(MHUB_REPOSITORY) + "/examples/recipes/";
  std::filesystem::create_directories(kitchen.file("runs/a/iter_0000010"));
  ::setenv("RUNS", kitchen.file("runs").c_str(), 1);
  const Recipe sweep = converters::read_recipe(folder + "sweep.yaml");
  // Three models, three layouts, two types, but for one layout of one model and one type of another.
  BOOST_TEST(sweep.entries.size() == 18u - 2 - 3);
  for (const RecipeEntry& entry : sweep.entries) {
    BOOST_TEST(entry.steps.upload->create);
    BOOST_TEST(entry.steps.generate->prompt == "The capital of France is");
    BOOST_TEST(entry.steps.generate->expect == (entry.name.starts_with("Qwen") ? "Paris" : ""));
  }
  const Recipe chain = converters::read_recipe(folder + "round_trip.yaml");
  BOOST_TEST(chain.entries.at(2).needs == std::vector<std::size_t>{1});
  BOOST_TEST(converters::read_recipe(folder + "iterations.yaml").entries.at(0).name == "a-10");
}

BOOST_AUTO_TEST_SUITE_END()
