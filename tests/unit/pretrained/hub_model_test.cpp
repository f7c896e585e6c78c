// SPDX-License-Identifier: Apache-2.0
// A model by its name on the Hub, from a cache as huggingface_hub lays it out, without a network.
#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/pretrained/pretrained_causal_lm.hpp"
#include "pretrained/family_models.hpp"

BOOST_AUTO_TEST_SUITE(hub_model)

using namespace mhub;
namespace fs = std::filesystem;

namespace {

/// The smallest GPT-2, in a folder of its own and in a cache as the model gpt2.
class CachedGpt2 : public tests::TemporaryFolder {
 public:
  CachedGpt2() {
    const nlohmann::json family = tests::families().at(0);
    BOOST_REQUIRE(family.at("family") == "gpt2");
    tests::write_model(family, file("folder"));
    const fs::path repo = fs::path(file("cache")) / "models--gpt2", snapshot = repo / "snapshots" / kCommit;
    for (const fs::path& part : {snapshot, repo / "blobs", repo / "refs", repo / ".no_exist" / kCommit})
      fs::create_directories(part);
    for (const std::string name : {"config.json", "model.safetensors"}) {
      fs::copy_file(fs::path(file("folder")) / name, repo / "blobs" / ("etag-" + name));
      fs::create_symlink("../../blobs/etag-" + name, snapshot / name);
    }
    // Somebody asked for them, and the repository has none.
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
      std::ofstream(repo / ".no_exist" / kCommit / name);
    std::ofstream(repo / "refs/main") << kCommit;
    ::setenv("HF_HUB_CACHE", file("cache").c_str(), 1);
    ::setenv("HF_HUB_OFFLINE", "1", 1);
  }
  ~CachedGpt2() { ::unsetenv("HF_HUB_CACHE"); }

  static inline const std::string kCommit = std::string(40, 'c');
};

std::vector<std::int64_t> generated(const std::string& source) {
  auto model = PreTrainedCausalLM<>::from_pretrained(source, {.threads = 1});
  BOOST_TEST(model.config().integer("n_embd") == 8);
  const std::vector<std::int64_t> prompt{1, 2, 3}, none;
  return model.generate(prompt, {.max_new_tokens = 4, .eos_token_id = none}).tokens;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_name_opens_from_the_cache) {
  const CachedGpt2 gpt2;
  const std::vector<std::int64_t> expected = generated(gpt2.file("folder"));
  BOOST_TEST(expected.size() == 4U);
  for (const std::string& name :
       {std::string("gpt2"), "gpt2@" + CachedGpt2::kCommit, std::string("hf://gpt2@main")})
    BOOST_TEST(generated(name) == expected, boost::test_tools::per_element());
  BOOST_CHECK_EXCEPTION(generated("gpt2@v2"), IoError, tests::message_has("gpt2@v2", "HF_HUB_OFFLINE"));
}

BOOST_AUTO_TEST_SUITE_END()
