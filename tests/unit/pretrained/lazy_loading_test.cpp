// SPDX-License-Identifier: Apache-2.0
// What is read when: measured by the bytes that the process asks the kernel for (rchar of /proc/self/io) and
// by the pages of the mapped weights that are in its memory (Rss in /proc/self/smaps).
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/pretrained/pretrained_causal_lm.hpp"
#include "runtime/talking_model.hpp"

BOOST_AUTO_TEST_SUITE(lazy_loading)

using namespace mhub;

namespace {

std::uint64_t bytes_asked_for() {
  std::ifstream file("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  file >> name >> bytes;
  BOOST_TEST_REQUIRE(name == "rchar:");
  return bytes;
}

/// Of the file's mappings.
std::uint64_t resident_bytes(const std::string& path) {
  std::ifstream file("/proc/self/smaps");
  std::uint64_t total = 0;
  bool ours = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    std::uint64_t kilobytes = 0;
    words >> first;
    if (first == "Rss:") {
      words >> kilobytes;
      if (ours) total += kilobytes * 1024;
    } else if (!first.ends_with(':')) {  // "7f00-7f01 r--s 00000000 fd:00 42   /path"
      ours = line.ends_with(" " + path);
    }
  }
  return total;
}

/// What a call reads through the kernel.
template <typename Function>
std::uint64_t read_by(const Function& function) {
  const std::uint64_t before = bytes_asked_for();
  function();
  return bytes_asked_for() - before;
}

/// /proc itself, headers, directories.
constexpr std::uint64_t kLittle = 32 << 10;
constexpr int kLayers = 4;
const std::vector<std::int64_t> kNone;

struct Model {
  Model() {
    tests::write_talking_llama(folder.file("model"), kLayers);
    // Plugins and the template of everything else are loaded once in a process.
    PreTrainedCausalLM<>::from_pretrained(path()).config();
  }
  std::string path() const { return folder.file("model"); }
  std::string weights() const { return folder.file("model/model.safetensors"); }
  tests::TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_part_is_loaded_at_first_use) {
  const Model files;
  std::optional<PreTrainedCausalLM<>> model;
  BOOST_TEST(read_by([&] { model = PreTrainedCausalLM<>::from_pretrained(files.path(), {.threads = 1}); }) <
             kLittle);
  BOOST_TEST(read_by([&] { model->config(); }) < kLittle);

  const auto tokenizer = read_by([&] { model->tokenizer(); });
  BOOST_TEST(tokenizer >= tests::kTokenizerBytes);
  BOOST_TEST(tokenizer < tests::kTokenizerBytes + kLittle);
  BOOST_TEST(read_by([&] { model->tokenizer(); }) < kLittle);

  const auto generation = read_by([&] { model->generation_config(); });
  BOOST_TEST(generation >= tests::kGenerationConfigBytes);
  BOOST_TEST(generation < tests::kGenerationConfigBytes + kLittle);
  BOOST_TEST(read_by([&] { model->generation_config(); }) < kLittle);

  BOOST_TEST(read_by([&] { model->chat_template(); }) < kLittle);
  BOOST_TEST(resident_bytes(files.weights()) == 0U);
}

BOOST_AUTO_TEST_CASE(looking_reads_no_weight) {
  const Model files;
  auto model = PreTrainedCausalLM<>::from_pretrained(files.path(), {.threads = 1});
  const auto asked = read_by([&] {
    std::ostringstream text;
    text << model;
    BOOST_TEST(text.str().find("LlamaForCausalLM") != std::string::npos);
    for (const StateEntry& entry : model.state()["*"]) BOOST_TEST(entry.numel() > 0);
    model.state().regex("qkv");
  });
  // The size of the vocabulary and whether there is a generation config are part of what is printed.
  BOOST_TEST(asked < tests::kTokenizerBytes + tests::kGenerationConfigBytes + kLittle);
  BOOST_TEST(resident_bytes(files.weights()) == 0U);
}

BOOST_AUTO_TEST_CASE(a_tensor_reads_itself_alone) {
  const Model files;
  auto model = PreTrainedCausalLM<>::from_pretrained(files.path(), {.threads = 1});
  const StateEntry entry = model.state().at("decoder.layers.1.mlp.linear_fc2.weight");
  std::vector<float> values;
  const auto asked = read_by([&] { values = entry.floats(); });
  const std::uint64_t own = values.size() * sizeof(float);
  BOOST_TEST(asked + resident_bytes(files.weights()) >= own);
  // The kernel maps up to 16 pages around one that is touched.
  BOOST_TEST(asked + resident_bytes(files.weights()) < own + kLittle + 2 * (64 << 10));
}

BOOST_AUTO_TEST_CASE(weights_are_mapped_not_copied) {
  const Model files;
  auto model = PreTrainedCausalLM<>::from_pretrained(files.path(), {.threads = 1});
  const std::uint64_t size = std::filesystem::file_size(files.weights());
  BOOST_TEST(resident_bytes(files.weights()) == 0U);
  // Norms are vectors of 256 floats and are read; matrices are used in place.
  BOOST_TEST(read_by([&] { model.model(); }) < kLittle + (2 * kLayers + 1) * 256 * sizeof(float));
  BOOST_TEST(model.model().gathered_bytes() == 0U);
  const std::vector<std::int64_t> prompt{1, 2, 3};
  BOOST_TEST(model.generate(prompt, {.max_new_tokens = 2, .eos_token_id = kNone}).tokens.size() == 2U);
  BOOST_TEST(resident_bytes(files.weights()) > size / 2);
  BOOST_TEST(resident_bytes(files.weights()) <= size + (4 << 10));
  BOOST_TEST(read_by([&] { model.model(); }) < kLittle);
}

BOOST_AUTO_TEST_SUITE_END()
