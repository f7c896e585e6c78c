// SPDX-License-Identifier: Apache-2.0
// Wrong recipes: each error names file, line, column and key, what was expected and found, and what to do.
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "converters/recipe/recipe.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(wrong_recipes)

using namespace mhub;
using namespace mhub::tests;

namespace {

struct Wrong {
  const char* yaml;
  const char* place;
  const char* message;  ///< all of it behind the place
};

const Wrong kWrong[] = {
    // YAML itself.
    {"a: [\n", "2:1", "not valid YAML: end of sequence flow not found"},
    {"source: s\noutput: o\n---\nsource: t\n", "3:1",
     "a second YAML document; the conversions of one recipe stand in its list"},
    {"- a\n", "1:1", "expected a recipe as a map of keys, found a list"},
    {"", "1:1", "expected a recipe as a map of keys, found nothing"},
    {"source: s\noutput: o\nsource: t\n", "3:1", "key \"source\" is there twice; leave one out"},
    {"? [a]\n: b\n", "1:3", "expected a key, found a list; keys are plain words"},
    {"source: !path s\n", "1:9", "the tag !path has no meaning in a recipe; leave it out"},
    {"variables: &v [*v]\n", "1:16", "an alias of what it stands in; write the value out"},
    {"defaults: {<<: 3}\n", "1:16",
     "<<: expected a map or a list of maps, found \"3\"; merge what an anchor of a map names: <<: *name"},
    // Keys and values.
    {"source: s\noutput: o\ntpp: 2\n", "3:1", "unknown key \"tpp\"; did you mean \"tp\"?"},
    {"source: s\noutput: o\ncolour: red\n", "3:1",
     "unknown key \"colour\"; recipes/README.md lists the keys"},
    {"source: s\noutput: o\ntensor_model_paralel_size: 2\n", "3:1",
     "unknown key \"tensor_model_paralel_size\"; did you mean \"tensor_model_parallel_size\"?"},
    {"source: s\noutput: o\ntp: 2\ntensor_model_parallel_size: 2\n", "4:1",
     "key \"tensor_model_parallel_size\" is there twice, as \"tp\" too; leave one out"},
    {"source: s\noutput: o\ntp: two\n", "3:5", "tp: expected an integer, found \"two\""},
    {"source: s\noutput: o\ntp: 0\n", "3:5", "tp: expected 1 .. 65536, found 0"},
    {"source: s\noutput: o\ntp: [1]\n", "3:5", "tp: expected an integer, found a list"},
    {"source: s\noutput: o\ntp:\n", "3:1", "tp: expected an integer, found nothing"},
    {"source: s\noutput: o\nto: null\n", "3:5",
     "to: expected a string, found nothing; null has to stand in quotes, to: \"null\""},
    {"source: \"a\\0b\"\noutput: o\n", "1:9", "expected text, found a NUL character in it"},
    {"source: s\noutput: o\ndescription: \"abc\ntp: 4\n", "3:14",
     "not valid YAML: the quote that begins here is not closed"},
    {"source: s\noutput: 'o", "2:11", "not valid YAML: illegal EOF in scalar"},
    {"source: s\noutput: o\ndownload: maybe\n", "3:11", "download: expected true or false, found \"maybe\""},
    {"source: s\noutput: o\ndownload: 1\n", "3:11", "download: expected true or false, found \"1\""},
    {"source: s\noutput: o\ndownload: \"\"\n", "3:11", "download: expected true or false, found \"\""},
    {"source: s\noutput: o\nverify: maybe\n", "3:9", "verify: expected true or false, found \"maybe\""},
    {"source: s\noutput: o\ndtype: int8\n", "3:8", "dtype: expected bf16, fp16 or fp32, found \"int8\""},
    {"source: s\noutput: o\niteration: soon\n", "3:12", "iteration: expected an integer, found \"soon\""},
    {"source: s\noutput: o\nmax_shard_size: big\n", "3:17",
     "max_shard_size: expected a size like 5GB or 300MiB, found \"big\""},
    {"source: {a: b}\noutput: o\n", "1:9", "source: expected a path, found a map"},
    {"output: o\n", "1:1", "source is missing; say what is converted"},
    {"source: s\n", "1:1", "output is missing; name the folder to write, or a step to do with the source"},
    // Lists.
    {"conversions: []\n", "1:14", "conversions: expected a list of conversions, found an empty one"},
    {"conversions: {a: b}\n", "1:14", "conversions: expected a list of conversions, found a map"},
    {"conversions: [a]\n", "1:15", "expected a conversion as a map of keys, found \"a\""},
    {"conversions: [{source: s, output: o}]\ntp: 2\n", "2:1",
     "key \"tp\" beside conversions; put it under defaults"},
    {"defaults: {name: n}\nconversions: [{source: s, output: o}]\n", "1:12",
     "name: belongs to one conversion, not to defaults; move it there"},
    {"conversions:\n- {source: s, output: o}\n- {source: t, output: ./o}\n", "3:3",
     "output: ./o is that of o, too; put ${name} or what tells them apart into it"},
    {"conversions:\n- {name: x, source: s, output: o}\n- {name: x, source: t, output: p}\n", "3:10",
     "name: x is that of another conversion, too; give each a name of its own"},
    {"conversions: [{name: a/b, source: s, output: o}]\n", "1:22",
     "name: expected letters, digits, and ._+-, found \"a/b\""},
    // Variables.
    {"variables: {root: /data}\nsource: s\noutput: ${rot}/o\n", "3:9",
     "output: ${rot} has no value; did you mean \"root\"?"},
    {"source: s\noutput: ${nowhere}/o\n", "2:9",
     "output: ${nowhere} has no value; declare it under variables"},
    {"source: s\noutput: ${root/o\n", "2:9",
     "output: expected a } behind ${; write $${ for the characters themselves"},
    {"source: s\noutput: ${env:MHUB_NO_SUCH}\n", "2:9",
     "output: the environment has no variable MHUB_NO_SUCH; set it, or write ${env:MHUB_NO_SUCH:-default}"},
    {"variables: {a: \"${b}\", b: \"${a}\"}\nsource: s\noutput: ${a}\n", "1:27",
     "b: ${a} -> ${b} -> ${a} is made of itself; give one of them a value"},
    {"variables: {tp: 2}\nsource: s\noutput: o\n", "1:13",
     "variables: tp is the name of a key, and ${tp} that key's value; choose another name"},
    {"variables: [a]\nsource: s\noutput: o\n", "1:12",
     "variables: expected a map of names and texts, found a list"},
    // Matrices.
    {"source: s\noutput: o\nmatrix: 3\n", "3:9",
     "matrix: the matrix: expected a map of keys and values, found \"3\""},
    {"source: s\noutput: o\nmatrix: {tp: 2}\n", "3:14", "matrix: tp: expected a list of values, found \"2\""},
    {"source: s\noutput: o-${tp}\ntp: 4\nmatrix: {tp: [1, 2]}\n", "3:1",
     "tp: the matrix has values for it, too; leave one out"},
    {"source: s\noutput: o-${tp}\nmatrix: {tp: [1, 2], exclude: [{tp: 3}]}\n", "3:32",
     "matrix: exclude: no combination has these values; write them as the matrix does"},
    {"source: s\noutput: o-${tpp}\nmatrix: {tpp: [1, 2], dtyp: [bf16]}\n", "3:23",
     "matrix: dtyp is no key of a conversion, and nothing says ${dtyp}; did you mean \"dtype\"?"},
    {"source: s\noutput: o\nmatrix: {tp: [1, 2]}\n", "1:1",
     "output: o is that of tp1, too; put ${name} or what tells them apart into it"},
    // Places.
    {"source: s\noutput: s\n", "2:9", "output: s is the source itself; name another folder"},
    {"source: s\noutput: ./s/o\n", "2:9", "output: ./s/o lies in s, which o reads; name a folder beside it"},
    {"source: o/s\noutput: o\n", "2:9", "output: o holds the source o/s; name a folder beside it"},
    {"source: s\noutput: o\nhf_reference: o\n", "2:9",
     "output: o is the hf_reference itself; name another folder"},
    {"source: s\noutput: .\n", "2:9",
     "output: . is the current folder or one around it; name a folder of its own"},
    {"source: s\noutput: ..\n", "2:9",
     "output: .. is the current folder or one around it; name a folder of its own"},
    {"source: s\noutput: /\n", "2:9",
     "output: / is the current folder or one around it; name a folder of its own"},
    {"conversions:\n- {source: s, output: n/1}\n- {source: t, output: n/1/sub}\n", "3:23",
     "output: n/1/sub lies in the output of 1; name a folder beside it"},
    {"conversions:\n- {name: a, source: s, output: o}\n- {name: b, source: t, output: s/o}\n", "3:32",
     "output: s/o lies in s, which a reads; name a folder beside it"},
    {"conversions:\n- {name: a, source: s, output: o, upload: org/m}\n"
     "- {name: b, source: t, output: p, upload: {repo: org/m, revision: main}}\n",
     "3:43", "upload: org/m@main is where a uploads to, too; give each a branch or a repository of its own"},
    {"source: s\noutput: o/{run}\n", "2:9",
     "output: {run} stands for what `sources` finds, and there is none here; write ${run} for a variable"},
    {"variables: {a: \"{x_1}\"}\nsource: s\noutput: o/${a}\n", "3:9",
     "output: {x_1} stands for what `sources` finds, and there is none here; write ${x_1} for a variable"},
    {"source: s\noutput: o\nupload: {repo: org/m, revision: \"i-{iteration}\"}\n", "3:33",
     "upload.revision: {iteration} stands for what `sources` finds, and there is none here; write "
     "${iteration} for a variable"},
    {"sources: /tmp*\noutput: o/{itration}\n", "2:9",
     "output: {itration} is none of {run}, {iteration} and {name}; write ${itration} for a variable"},
    // Steps and the graph.
    {"source: s\noutput: o\nupload: true\n", "3:9",
     "upload: expected repo as text, or a map of keys, found \"true\""},
    {"source: s\noutput: o\ngenerate: yes\n", "3:11",
     "generate: expected prompt as text, or a map of keys, found \"yes\""},
    {"source: s\noutput: o\nto: \"null\"\nverify: true\n", "4:9",
     "verify: there is no output to compare, to: null keeps none; say verify: false"},
    {"conversions:\n- {name: a, source: s, output: o, to: \"null\"}\n"
     "- {name: b, source: \"${outputs.a}\", output: p}\n",
     "3:21", "source: a keeps no output, its to is null; name one that does"},
    {"source: s\noutput: o\ngenerate: {promt: a}\n", "3:12",
     "generate: unknown key \"promt\"; did you mean \"prompt\"?"},
    {"source: s\noutput: o\ngenerate: {max_new_tokens: 3}\n", "3:11",
     "generate: expected either prompt or tokens in it"},
    {"source: s\noutput: o\nlogits: {tolerance: -1}\n", "3:21",
     "logits.tolerance: expected a number from 0, found \"-1\""},
    {"source: s\noutput: o\nupload: {create: true}\n", "3:9", "upload: expected repo in it"},
    {"source: s\noutput: o\nupload: {repo: org/x, private: true}\n", "3:9",
     "upload: private is for a repository that is made; add create: true"},
    {"source: s\ngenerate: a\nlogits: true\n", "3:9",
     "logits: compares an output with its source, and there is none"},
    {"conversions:\n- {name: first, source: s, output: o}\n- {source: t, output: p, needs: frist}\n", "3:33",
     "needs: no conversion is named \"frist\"; there are first, p"},
    {"conversions:\n- {name: a, source: \"${outputs.b}\", output: o}\n"
     "- {name: b, source: \"${outputs.a}\", output: p}\n",
     "2:3", "needs: a -> b -> a need each other; let one of them begin with something else"},
    {"conversions:\n- {source: \"${outputs.c}\", output: o}\n", "2:12",
     "source: no conversion is named \"c\"; there are o"},
    {"sources: nowhere/*/iter_*\noutput: \"o/{run}\"\n", "1:10",
     "sources: there is no folder nowhere to look for nowhere/*/iter_* in"},
    {"sources: /tmp/*\nsource: s\noutput: o\n", "2:1", "source: stands beside sources; leave one out"},
    // Includes.
    {"include: r.yaml\n", "1:10", "include: r.yaml -> r.yaml include each other; take one include out"},
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_error_names_its_place_and_a_remedy) {
  BOOST_TEST(std::size(kWrong) >= 40u);
  const TemporaryFolder folder;
  const std::string path = folder.file("r.yaml");
  for (const Wrong& wrong : kWrong) {
    BOOST_TEST_CONTEXT(wrong.yaml) {
      replace_file(path, wrong.yaml);
      const std::string expected = path + ":" + wrong.place + ": " + wrong.message;
      try {
        converters::read_recipe(path);
        BOOST_ERROR("was taken");
      } catch (const InputError& error) {
        BOOST_TEST(std::string(error.what()) == expected);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_include_that_is_not_there) {
  const TemporaryFolder folder;
  write_file(folder.file("r.yaml"), "source: s\noutput: o\ninclude: [no.yaml]\n");
  BOOST_CHECK_EXCEPTION(converters::read_recipe(folder.file("r.yaml")), InputError,
                        message_has("r.yaml:3:11: include: ", "no.yaml: no such file"));
}

BOOST_AUTO_TEST_CASE(links_are_followed) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("real/s"));
  std::filesystem::create_directory_symlink("real", folder.file("link"));
  const auto refused = [&](std::string yaml, const char* part) {
    for (std::size_t at = yaml.find('@'); at != yaml.npos; at = yaml.find('@'))
      yaml.replace(at, 1, folder.path());
    replace_file(folder.file("r.yaml"), yaml);
    BOOST_CHECK_EXCEPTION(converters::read_recipe(folder.file("r.yaml")), InputError, message_has(part));
  };
  refused("conversions: [{source: s, output: @/real/1}, {source: t, output: @/link/1}]\n",
          "link/1 is that of 1");
  refused("conversions: [{source: s, output: @/real/1}, {source: t, output: @/link/1/2}]\n",
          "lies in the output of");
  refused("source: @/real/s\noutput: @/link/s\n", "is the source itself");
  refused("source: @/link/s\noutput: @/real/s/o\n", "lies in");
  // What one writes and another one reads through a link are one, too.
  replace_file(folder.file("r.yaml"), "conversions: [{source: " + folder.path() +
                                          "/link/1, output: x}, {source: t, output: " + folder.path() +
                                          "/real/1}]\n");
  BOOST_TEST(converters::read_recipe(folder.file("r.yaml")).entries[0].needs == std::vector<std::size_t>{1},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bombs_are_refused_at_once) {
  const TemporaryFolder folder;
  std::string laughs = "a0: &a0 [x]\n", merges = "a0: &a0 {x: 1}\n", texts = "variables:\n  v0: x\n";
  for (int k = 1; k < 12; ++k) {
    const std::string mine = std::to_string(k), before = std::to_string(k - 1);
    std::string list, text;
    for (int i = 0; i < 10; ++i) {
      list += (i == 0 ? "*a" : ", *a") + before;
      text += "${v" + before + "}";
    }
    laughs += "a" + mine + ": &a" + mine + " [" + list + "]\n";
    merges += "a" + mine + ": &a" + mine + " {<<: [" + list + "]}\n";
    texts += "  v" + mine + ": \"" + text + "\"\n";
  }
  const std::pair<std::string, const char*> bombs[] = {
      {laughs, "more than 200000 values"},
      {merges, "more than 200000 values"},
      {texts + "source: s\noutput: ${v11}\n", "longer than 64 KiB"},
      {std::string(100'000, '['), "not valid YAML"},
      {"conversions: [{name: " + std::string(201, 'n') + ", source: s, output: o}]\n", "longer than 200"},
      {"variables: {a: " + std::string(60'000, 'x') +
           "}\nsource: s\noutput: o/${n}/${m}/${k}/${l}\nhf_class: ${a}\n" +
           "matrix: {n: &n [0,1,2,3,4,5,6,7,8,9], m: *n, k: *n, l: *n}\nname: \"a${n}${m}${k}${l}\"\n",
       "more than 64 MB of text"},
      {"source: s\noutput: o-${a}${b}${c}${d}\nmatrix: {a: &n [0,1,2,3,4,5,6,7,8,9,10], b: *n, c: *n, d: "
       "*n}\n",
       "more than 10000 combinations"}};
  for (const auto& [yaml, part] : bombs) {
    replace_file(folder.file("r.yaml"), yaml);
    BOOST_CHECK_EXCEPTION(converters::read_recipe(folder.file("r.yaml")), InputError, message_has(part));
  }
}

BOOST_AUTO_TEST_SUITE_END()
