// SPDX-License-Identifier: Apache-2.0
// The file that `mhub logits` writes: complete or not there, and in nobody's place.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(logits_output)

using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

struct Model {
  Model() { TinyModel().write(scratch / "hf"); }
  Run logits(const std::string& output, const std::string& options = "") const {
    return run_mhub("logits " + (scratch / "hf") + " --tokens 1,2,3 --output " + (scratch / output) + " " +
                    options);
  }
  Scratch scratch;
};

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_replaced_when_asked_for) {
  const Model model;
  BOOST_TEST_REQUIRE(model.logits("a.npy").code == 0);
  const std::string written = TinyLlama::read_text(model.scratch / "a.npy");
  BOOST_TEST(written.starts_with("\x93NUMPY"));
  BOOST_TEST(written.size() == 128 + 3 * 13 * sizeof(float));
  const Run again = model.logits("a.npy");
  BOOST_TEST(again.code == 2);
  BOOST_TEST(again.err.find("--overwrite") != std::string::npos);
  BOOST_TEST(model.logits("a.npy", "--overwrite").code == 0);
  BOOST_TEST((TinyLlama::read_text(model.scratch / "a.npy") == written));
  BOOST_TEST(entries(model.scratch.path()) == 2u);
}

BOOST_AUTO_TEST_CASE(never_takes_the_place_of_anything_else) {
  const Model model;
  const Scratch& scratch = model.scratch;
  TinyLlama::write_text(scratch / "letter", "dear");
  fs::create_directory(scratch / "folder");
  ::mkfifo((scratch / "fifo").c_str(), 0600);
  fs::create_symlink(scratch / "letter", scratch / "link");
  for (const char* name : {"letter", "folder", "fifo", "link", "hf/model.safetensors"}) {
    const auto before = fs::symlink_status(scratch / name).type();
    const Run run = model.logits(name, "--overwrite");
    BOOST_TEST(run.code == 2, name << ": " << run.err);
    BOOST_TEST((fs::symlink_status(scratch / name).type() == before), name);
  }
  BOOST_TEST(TinyLlama::read_text(scratch / "letter") == "dear");
  BOOST_TEST(entries(scratch.path()) == 5u);
}

BOOST_AUTO_TEST_CASE(follows_no_planted_name) {
  const Model model;
  TinyLlama::write_text(model.scratch / "letter", "dear");
  for (const char* name : {"a.npy.partial", ".a.npy.mhub-partial"})
    fs::create_symlink(model.scratch / "letter", model.scratch / name);
  model.logits("a.npy");
  BOOST_TEST(TinyLlama::read_text(model.scratch / "letter") == "dear");
}

BOOST_AUTO_TEST_SUITE_END()
