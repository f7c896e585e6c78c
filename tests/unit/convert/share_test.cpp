// SPDX-License-Identifier: Apache-2.0
// Conversions that several processes share give the bytes that one process gives.
#include <thread>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/folder_content.hpp"
#include "cli/tiny_llama.hpp"
#include "mhub/base/error.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/verify.hpp"

BOOST_AUTO_TEST_SUITE(shared_conversions)

using namespace mhub;
using tests::message_has;
namespace fs = std::filesystem;

namespace {

struct Folders : tests::TemporaryFolder {
  Folders() { tests::TinyLlama().write(file("hf")); }
  nlohmann::json part(const WriteOptions& write, int k, int of) const {
    return convert(file("hf"), file("shared"), write, {.share = Share{k, of}});
  }
  nlohmann::json finish(const WriteOptions& write, int of, bool verify = false) const {
    return convert(file("hf"), file("shared"), write, {.verify = verify, .share = Share{0, of}});
  }
  void check_same(const std::string& what) const {
    BOOST_TEST((tests::folder_content(file("shared")) == tests::folder_content(file("alone"))), what);
    for (const fs::directory_entry& entry : fs::directory_iterator(path()))
      BOOST_TEST(entry.path().filename().string().find("partial") == std::string::npos, what);
  }
};

const std::vector<WriteOptions> kOutputs{{.format = "torch_dist"},
                                         {.format = "torch_dist", .tp = 2},
                                         {.format = "torch_dist", .tp = 2, .dtype = DType::bf16},
                                         {.format = "torch", .tp = 2, .pp = 2},
                                         {.format = "hf"},
                                         {.format = "hf", .max_shard_bytes = 4000}};

}  // namespace

BOOST_AUTO_TEST_CASE(parts_make_up_the_whole) {
  for (const WriteOptions& write : kOutputs) {
    for (const int of : {1, 3, 4, 40}) {
      const Folders folders;
      const nlohmann::json alone = convert(folders.file("hf"), folders.file("alone"), write);
      std::uint64_t bytes = 0;
      for (int k = of; k >= 1; --k) bytes += folders.part(write, k, of)["bytes"].get<std::uint64_t>();
      BOOST_TEST(bytes == alone["bytes"].get<std::uint64_t>());
      BOOST_TEST(!fs::exists(folders.file("shared")));
      BOOST_TEST(folders.finish(write, of, true)["notes"] == alone["notes"]);
      folders.check_same(write.format + " in " + std::to_string(of));
    }
  }
}

BOOST_AUTO_TEST_CASE(parts_are_written_at_the_same_time) {
  const WriteOptions write{.format = "torch", .tp = 2};
  const Folders folders;
  convert(folders.file("hf"), folders.file("alone"), write);
  std::vector<std::jthread> threads;
  for (int k = 1; k <= 4; ++k) threads.emplace_back([&, k] { folders.part(write, k, 4); });
  threads.clear();
  folders.finish(write, 4);
  folders.check_same("threads");
}

BOOST_AUTO_TEST_CASE(a_part_goes_on_and_is_done_once) {
  const WriteOptions write{.tp = 2};
  const Folders folders;
  convert(folders.file("hf"), folders.file("alone"), write);
  BOOST_CHECK_EXCEPTION(folders.finish(write, 2), UsageError,
                        message_has("part 1 of 2 is not done: run --part 1/2"));
  BOOST_TEST(!fs::exists(folders.file(".shared.mhub-partial")));
  bool stop = false;
  const RunOptions run{
      .share = Share{1, 2},
      .callbacks = {.on_progress = [&](const Progress&) { stop = true; }, .cancelled = [&] { return stop; }}};
  BOOST_CHECK_THROW(convert(folders.file("hf"), folders.file("shared"), write, run), Interrupted);
  BOOST_TEST(folders.part(write, 2, 2)["done_before"] == false);
  BOOST_TEST(folders.part(write, 2, 2)["done_before"] == true);
  BOOST_CHECK_EXCEPTION(folders.finish(write, 2), UsageError, message_has("part 1 of 2"));
  BOOST_TEST(folders.part(write, 1, 2)["done_before"] == false);
  folders.finish(write, 2);
  folders.check_same("resumed");
}

BOOST_AUTO_TEST_CASE(parts_of_different_conversions_are_not_mixed) {
  const Folders folders;
  folders.part({.tp = 2}, 1, 2);
  BOOST_CHECK_EXCEPTION(folders.part({.tp = 1}, 2, 2), InputError, message_has("other options"));
  BOOST_CHECK_EXCEPTION(folders.finish({.tp = 1}, 2), InputError, message_has("other options"));
  BOOST_CHECK_EXCEPTION(
      convert(folders.file("hf"), folders.file("h5"), {.format = "hdf5"}, {.share = Share{1, 2}}), UsageError,
      message_has("one file that one process writes"));
  BOOST_TEST(!fs::exists(folders.file(".h5.mhub-partial")));
  BOOST_CHECK_EXCEPTION(convert(folders.file("hf"), folders.file("x"), {}, {.share = Share{3, 2}}),
                        UsageError, message_has("part 3 of 2"));
  BOOST_CHECK_EXCEPTION(
      convert(folders.file("hf"), folders.file("x"), {}, {.verify = true, .share = Share{1, 2}}), UsageError,
      message_has("--finish-parts"));
}

BOOST_AUTO_TEST_CASE(what_is_damaged_between_parts_and_the_end_is_written_again) {
  const WriteOptions write{.format = "torch", .tp = 2};
  const Folders folders;
  convert(folders.file("hf"), folders.file("alone"), write);
  for (const int k : {1, 2}) folders.part(write, k, 2);
  const std::string file =
      folders.file(".shared.mhub-partial") + "/output/release/mp_rank_01/model_optim_rng.pt";
  std::string text = tests::TinyLlama::read_text(file);
  for (std::size_t at = 0; at < text.size(); at += 64)
    text[at] ^= 1;  // finishing writes headers anew, not data
  tests::TinyLlama::write_text(file, text);
  BOOST_CHECK_EXCEPTION(folders.finish(write, 2, true), Error, message_has("run all parts again"));
  for (const int k : {1, 2}) BOOST_TEST(folders.part(write, k, 2)["done_before"] == false);
  folders.finish(write, 2, true);
  folders.check_same("damaged");
}

BOOST_AUTO_TEST_CASE(a_damaged_note_is_not_believed) {
  const Folders folders;
  const std::string note = folders.file(".shared.mhub-partial") + "/part-1-of-1";
  folders.part({}, 1, 1);
  const std::string text = tests::TinyLlama::read_text(note);
  for (const std::string& damaged :
       {text.substr(0, text.size() - 1), text + " ", std::string("x"), std::string()}) {
    tests::TinyLlama::write_text(note, damaged);
    BOOST_CHECK_EXCEPTION(folders.finish({}, 1), InputError, message_has("is damaged; remove it"));
    BOOST_CHECK_EXCEPTION(folders.part({}, 1, 1), InputError, message_has("is damaged; remove it"));
  }
  fs::remove(note);
  folders.part({}, 1, 1);
  folders.finish({}, 1);
}

BOOST_AUTO_TEST_CASE(bytes_that_a_note_promises_must_be_there) {
  const WriteOptions write{.tp = 2};
  const Folders folders;
  for (const int k : {1, 2}) folders.part(write, k, 2);
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(folders.file(".shared.mhub-partial")))
    if (entry.path().extension() == ".distcp") fs::resize_file(entry.path(), 100);
  BOOST_CHECK_EXCEPTION(folders.finish(write, 2), Error, message_has("do all processes see one file system"));
}

BOOST_AUTO_TEST_SUITE_END()
