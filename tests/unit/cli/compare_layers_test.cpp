// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "cli/sized_llama.hpp"
#include "convert/any_model.hpp"
#include "converters/layer_comparison.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/runtime/decoder.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(compare_layers_with_golden)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// An array as numpy.save writes it.
std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(117 - header.size(), ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n' + data;
}

template <class Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

const std::vector<std::int64_t> kTokens{1, 2, 3};

/// The states that mhub itself makes of the tokens.
std::string golden_of(const std::string& folder) {
  const Checkpoint checkpoint = open_checkpoint(folder);
  const auto backend = runtime::make_backend({"cpu", 1, DType::f32});
  runtime::Decoder decoder(checkpoint, *backend);
  const auto layers = static_cast<std::size_t>(decoder.config().num_layers);
  std::vector<float> hidden, part;
  const auto add = [&](runtime::Matrix matrix) {
    part.resize(static_cast<std::size_t>(matrix.rows * matrix.columns));
    backend->read(matrix, part);
  };
  decoder.observe([&](std::size_t passed, runtime::Matrix matrix) {
    add(matrix);
    if (passed != layers) hidden.insert(hidden.end(), part.begin(), part.end());
  });
  runtime::SequenceCache sequence = decoder.new_sequence();
  const runtime::Decoder::Step step{&sequence, kTokens};
  add(decoder.forward({&step, 1}, runtime::Decoder::Logits::all));
  const std::string width = std::to_string(decoder.config().hidden_size);
  return npy("<i8", "3,", bytes_of(kTokens)) +
         npy("<f4", std::to_string(layers + 1) + ", 3, " + width, bytes_of(hidden)) +
         npy("<f4", "3, " + std::to_string(decoder.vocab_size()), bytes_of(part));
}

struct Folders {
  Folders() {
    TinyModel().write(scratch / "a");
    golden = golden_of(scratch / "a");
    put_file(scratch / "golden.npy", golden);
  }
  Run compare(const std::string& folder, const std::string& file = "golden.npy") const {
    return run_mhub("plugins --compare LlamaForCausalLM " + (scratch / folder) + " " + (scratch / file) +
                    " --json");
  }
  Scratch scratch;
  std::string golden;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_layer_that_is_another_is_named) {
  const Folders folders;
  const Run same = folders.compare("a");
  BOOST_TEST(same.code == 0, same.err);
  TinyModel changed;
  const auto begin =
      changed.header["model.layers.1.mlp.down_proj.weight"]["data_offsets"][0].get<std::size_t>();
  const float value = 7.5F;
  std::memcpy(changed.payload.data() + begin, &value, sizeof value);
  changed.write(folders.scratch / "changed");
  const Run run = folders.compare("changed");
  BOOST_TEST(run.code == 1, run.err);
  const nlohmann::json report = nlohmann::json::parse(run.out);
  BOOST_TEST(report["parts_in"].get<std::string>().starts_with("layer 1"), run.out);
  BOOST_TEST(report["places"][1]["agrees"] == true);
}

BOOST_AUTO_TEST_CASE(damaged_states_are_refused_by_name) {
  const Folders folders;
  const auto refused = [&](const std::string& content, const std::string& words) {
    put_file(folders.scratch / "bad.npy", content);
    const Run run = folders.compare("a", "bad.npy");
    BOOST_TEST(run.code == 3, run.err);
    BOOST_TEST(run.err.find(words) != std::string::npos, run.err);
  };
  refused("text", "is no .npy file");
  refused(folders.golden.substr(0, 130), "ends in tokens");
  refused(folders.golden.substr(0, 152), "ends before hidden states");
  refused(folders.golden.substr(0, folders.golden.size() - 1), "ends in logits");
  refused(npy("<f8", "3,", ""), "expected a row-major array of <i8");
  refused(npy("<i8", "4611686018427387904,", ""), "ends in tokens");
  refused(npy("<i8", "1,", bytes_of(std::vector<std::int64_t>{1})) + folders.golden.substr(152),
          "of 1 tokens, found");
  std::string absurd = folders.golden;
  absurd[6] = '\x03';
  refused(absurd, "absurd header");
}

BOOST_AUTO_TEST_CASE(another_class_or_size_is_said) {
  const Folders folders;
  const Run other = run_mhub("plugins --compare GPT2LMHeadModel " + (folders.scratch / "a") + " " +
                             (folders.scratch / "golden.npy"));
  BOOST_TEST(other.code == 2, other.err);
  BOOST_TEST(other.err.find("is a LlamaForCausalLM, not a GPT2LMHeadModel") != std::string::npos, other.err);
  BOOST_TEST(run_mhub("plugins --compare LlamaForCausalLM " + (folders.scratch / "a")).code == 2);
  TinyLlama larger;
  larger.config["vocab_size"] = 14;
  any_model(larger.config).write(folders.scratch / "larger");
  const Run run = folders.compare("larger");
  BOOST_TEST(run.code == 3, run.err);
  BOOST_TEST(run.err.find("13 tokens, this one has 8 and 14") != std::string::npos, run.err);
}

BOOST_AUTO_TEST_SUITE_END()
