// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <limits>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "cli/sized_llama.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(verify_logits)

using namespace mhub::tests;

namespace {

/// Changes one float of a tensor.
void set_value(TinyModel& model, const std::string& tensor, std::size_t index, float value) {
  const auto begin = model.header[tensor]["data_offsets"][0].get<std::size_t>();
  std::memcpy(model.payload.data() + begin + index * sizeof(float), &value, sizeof value);
}

struct Folders {
  Folders() {
    TinyModel().write(scratch / "a");
    TinyModel changed;
    set_value(changed, "model.layers.1.mlp.down_proj.weight", 3, 0.75F);
    changed.write(scratch / "changed");
  }
  Run verify(const std::string& a, const std::string& b, const std::string& options = "") const {
    return run_mhub("verify " + (scratch / a) + " " + (scratch / b) + " --logits " + options);
  }
  void convert(const std::string& from, const std::string& to, const std::string& options) const {
    const Run run = run_mhub("convert " + (scratch / from) + " " + (scratch / to) + " " + options);
    BOOST_TEST_REQUIRE(run.code == 0, run.err);
  }
  Scratch scratch;
};

}  // namespace

BOOST_AUTO_TEST_CASE(equal_tensors_of_another_function_are_not_equal) {
  const Folders folders;
  TinyModel other;
  other.config["rms_norm_eps"] = 0.5;
  other.write(folders.scratch / "other");
  folders.convert("other", "dist", "");
  for (const std::string b : {"other", "dist"}) {
    const std::string command = "verify " + (folders.scratch / "a") + " " + (folders.scratch / b);
    const Run run = run_mhub(command + " --json");
    BOOST_TEST(run.code == 1, run.err);
    const nlohmann::json report = nlohmann::json::parse(run.out);
    BOOST_TEST(report["equal"] == false);
    BOOST_TEST(report["differences"].empty());
    BOOST_TEST(report["fields"].dump().find("layernorm_epsilon") != std::string::npos);
    BOOST_TEST(run_mhub(command).out.find("differs: layernorm_epsilon") != std::string::npos);
    BOOST_TEST(run_mhub(command + " --tensors-only").code == 0);
    BOOST_TEST(folders.verify("a", b).code == 1);
    BOOST_TEST(folders.verify(b, "a").code == 1);
  }
}

BOOST_AUTO_TEST_CASE(conversions_compute_the_same) {
  const Folders folders;
  folders.convert("a", "dist", "--tp 2");
  folders.convert("a", "ranks", "--to torch --pp 2");
  folders.convert("dist", "archive.h5", "--to hdf5");
  for (const std::string b : {"dist", "ranks", "archive.h5"}) {
    for (const bool swapped : {false, true}) {
      const Run run = folders.verify(swapped ? b : "a", swapped ? "a" : b, "--json");
      BOOST_TEST(run.code == 0, run.err);
      const nlohmann::json report = nlohmann::json::parse(run.out);
      BOOST_TEST(report["equal"] == true);
      BOOST_TEST(report["tokens"] == 32);
      BOOST_TEST(report["vocabulary"] == 13);
      BOOST_TEST(report["relative_difference"].get<double>() < 1e-5);
      BOOST_TEST(report["largest_logit"].get<double>() > 0.01);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_rounded_copy_is_within_its_rounding) {
  const Folders folders;
  folders.convert("a", "half", "--dtype bf16");
  BOOST_TEST(folders.verify("a", "half").code == 1);
  BOOST_TEST(folders.verify("a", "half", "--tolerance 0.05").code == 0);
}

BOOST_AUTO_TEST_CASE(a_changed_weight_is_a_difference) {
  const Folders folders;
  const Run text = folders.verify("a", "changed");
  BOOST_TEST(text.code == 1);
  BOOST_TEST(text.out.find("logits differ: largest difference ") == 0U, text.out);
  BOOST_TEST(text.err.empty());
  const Run json = folders.verify("a", "changed", "--tokens 1,2,3 --json");
  BOOST_TEST(json.code == 1);
  const nlohmann::json report = nlohmann::json::parse(json.out);
  BOOST_TEST(report["equal"] == false);
  BOOST_TEST(report["tokens"] == 3);
  BOOST_TEST(report["max_abs_difference"].get<double>() > 0.0);
}

BOOST_AUTO_TEST_CASE(logits_that_are_no_numbers_never_agree) {
  const Folders folders;
  TinyModel broken;
  set_value(broken, "lm_head.weight", 0, std::numeric_limits<float>::quiet_NaN());
  broken.write(folders.scratch / "broken");
  for (const auto& [a, b] : {std::pair{"a", "broken"}, {"broken", "a"}, {"broken", "broken"}}) {
    const Run run = folders.verify(a, b, "--tolerance 1e9 --json");
    BOOST_TEST(run.code == 1, run.err);
    BOOST_TEST(nlohmann::json::parse(run.out)["max_abs_difference"].is_null());
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compared) {
  const Folders folders;
  TinyModel odd;
  odd.config["hidden_act"] = "mish";
  odd.write(folders.scratch / "odd");
  BOOST_TEST(folders.verify("a", "odd").code == 3);
  write_sized_llama(folders.scratch / "other", 1);
  const Run other = folders.verify("a", "other");
  BOOST_TEST(other.code == 3);
  BOOST_TEST(other.err.find("vocabulary of 13 tokens") != std::string::npos, other.err);
  BOOST_TEST(folders.verify("a", "missing").code == 4);
  BOOST_TEST(folders.verify("a", "a", "--tokens 99").code == 2);
  BOOST_TEST(folders.verify("a", "a", "--tolerance -1").code == 2);
  BOOST_TEST(folders.verify("a", "a", "--cast").code == 2);
  BOOST_TEST(run_mhub("verify " + (folders.scratch / "a") + " --logits").code == 2);
  BOOST_TEST(
      run_mhub("verify " + (folders.scratch / "a") + " " + (folders.scratch / "a") + " --tokens 1").code ==
      2);
}

BOOST_AUTO_TEST_SUITE_END()
