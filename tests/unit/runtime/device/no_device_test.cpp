// SPDX-License-Identifier: Apache-2.0
// `--backend cudnn` on a machine without a GPU, or of a build without the backend: one clear line, exit 4.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/run_mhub.hpp"
#include "runtime/tiny_model.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(no_device)

BOOST_AUTO_TEST_CASE(asking_for_a_gpu_gives_logits_or_one_line_that_says_why_not) {
  const tests::TemporaryFolder folder;
  tests::TinyModel().write(folder.file("model"));
  const std::string model = folder.file("model"), tokens = " --backend cudnn --tokens 1,2,3";
  for (const std::string& command : {"logits " + model + tokens + " --output " + folder.file("logits.npy"),
                                     "generate " + model + tokens + " --max-new-tokens 2"}) {
    const tests::Run run = tests::run_mhub(command);
    if (run.code == 0) {
      BOOST_TEST(run.err.empty());
      continue;
    }
    BOOST_TEST(run.code == 4);
    BOOST_TEST(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    BOOST_TEST(
        (run.err.starts_with("mhub: no CUDA device: ") || run.err.starts_with("mhub: no cudnn backend: ")),
        run.err);
  }
}

BOOST_AUTO_TEST_CASE(another_backend_is_refused) {
  const tests::TemporaryFolder folder;
  tests::TinyModel().write(folder.file("model"));
  const tests::Run run = tests::run_mhub("generate " + folder.file("model") + " --backend tpu --tokens 1");
  BOOST_TEST(run.code == 2);
  BOOST_TEST(run.err.find("device tpu: expected cpu, cuda or cudnn") != std::string::npos, run.err);
}

BOOST_AUTO_TEST_SUITE_END()
