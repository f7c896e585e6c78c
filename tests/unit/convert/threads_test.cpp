// SPDX-License-Identifier: Apache-2.0
// Conversions in several threads of one process. The same program is built with ThreadSanitizer
// (tests/run.sh).
#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/sized_llama.hpp"
#include "mhub/base/error.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/verify.hpp"

BOOST_AUTO_TEST_SUITE(threads)

using namespace mhub;
namespace fs = std::filesystem;

namespace {

/// Runs the functions at once, each in its thread; what they throw, as text, in their order.
std::vector<std::string> at_once(const std::vector<std::function<void()>>& functions) {
  std::vector<std::string> errors(functions.size());
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < functions.size(); ++k) {
    threads.emplace_back([&, k] {
      try {
        functions[k]();
      } catch (const std::exception& error) {
        errors[k] = error.what();
      }
    });
  }
  threads.clear();
  return errors;
}

}  // namespace

BOOST_AUTO_TEST_CASE(different_conversions_do_not_disturb_each_other) {
  const tests::TemporaryFolder folder;
  tests::write_sized_llama(folder.file("a"), 2);
  tests::write_sized_llama(folder.file("b"), 3);
  const std::vector<WriteOptions> all{
      {.tp = 2}, {.format = "torch", .pp = 1}, {.format = "hf"}, {.format = "hdf5"}};
  std::vector<std::function<void()>> functions;
  std::atomic<std::uint64_t> reports{0};
  for (const std::string source : {"a", "b"}) {
    for (const WriteOptions& options : all) {
      functions.emplace_back([&, source] {
        RunOptions run{.jobs = 2, .verify = true};
        run.callbacks.on_progress = [&](const Progress&) { ++reports; };
        convert(folder.file(source), folder.file(source + "-" + options.format), options, run);
      });
    }
  }
  for (const std::string& error : at_once(functions)) BOOST_TEST(error.empty(), error);
  BOOST_TEST(reports > functions.size());
  for (const std::string source : {"a", "b"}) {
    for (const WriteOptions& options : all)
      BOOST_TEST(verify(folder.file(source), folder.file(source + "-" + options.format)).differences.empty());
  }
}

BOOST_AUTO_TEST_CASE(one_source_serves_several) {
  const tests::TemporaryFolder folder;
  tests::write_sized_llama(folder.file("a"), 2);
  const auto source = std::make_shared<const Checkpoint>(open_checkpoint(folder.file("a")));
  std::vector<std::function<void()>> functions;
  for (const std::string format : {"torch_dist", "torch", "hdf5"}) {
    functions.emplace_back(
        [&, format] { convert(Conversion(source, {.format = format}), folder.file(format), {.jobs = 2}); });
  }
  for (const std::string& error : at_once(functions)) BOOST_TEST(error.empty(), error);
  // Archives share a library that is not made for threads.
  functions.assign(2, [&] { verify(folder.file("hdf5"), folder.file("torch")); });
  for (const std::string& error : at_once(functions)) BOOST_TEST(error.empty(), error);
}

BOOST_AUTO_TEST_CASE(of_two_to_one_place_one_wins) {
  const tests::TemporaryFolder folder;
  tests::write_sized_llama(folder.file("a"), 2);
  const auto errors =
      at_once(std::vector<std::function<void()>>(3, [&] { convert(folder.file("a"), folder.file("out")); }));
  BOOST_TEST(std::count(errors.begin(), errors.end(), "") == 1);
  for (const std::string& error : errors)
    BOOST_TEST((error.empty() || error.find("out") != error.npos), error);
  BOOST_TEST(verify(folder.file("a"), folder.file("out")).differences.empty());
}

BOOST_AUTO_TEST_SUITE_END()
