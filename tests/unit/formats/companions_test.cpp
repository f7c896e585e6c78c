// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/tiny_llama.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/written_files.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/formats/format.hpp"

BOOST_AUTO_TEST_SUITE(companion_files)

using namespace mhub;

namespace {

const std::map<std::string, std::string> kTravel{{"LICENSE", "free"},
                                                 {"spk_dict.pt", "voices"},
                                                 {"README.md", "# A model"},
                                                 {"modeling_x.py", "class X: pass"},
                                                 {"tiktoken.model", "IQ== 0"},
                                                 {"tekken.json", "{}"},
                                                 {"x.tiktoken", "IQ== 0"},
                                                 {"sentencepiece.bpe.model", "x"},
                                                 {"video_preprocessor_config.json", "{}"},
                                                 {"1_Pooling/config.json", "{}"},
                                                 {"a/b/c/d/deep.txt", "x"},
                                                 {"additional_chat_templates/tool.jinja", "{{ 1 }}"}};
const std::vector<std::string> kStay{
    "training_args.bin",    "checkpoint-5/model.safetensors", "checkpoint-5/tokenizer.json",
    "original/params.json", "original/consolidated.00.pth",   ".git/config"};

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  write_file(path.string(), content);
}

std::string make_folder(const tests::TemporaryFolder& scratch) {
  const std::string folder = scratch.file("hf");
  tests::TinyLlama().write(folder);
  for (const auto& [name, content] : kTravel) put(fs::path(folder) / name, content);
  for (const std::string& name : kStay) put(fs::path(folder) / name, "x");
  return folder;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& one : lines) all += one + "\n";
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_no_weight_travels_both_ways) {
  const tests::TemporaryFolder scratch;
  const std::string hf = make_folder(scratch);
  for (const std::string format : {"torch_dist", "torch", "hdf5", "hf"}) {
    const std::string there = scratch.file("to-" + format), back = scratch.file("back-" + format);
    convert(hf, there, {.format = format});
    const nlohmann::json report = convert(there, back, {.format = "hf"}, {.verify = true});
    BOOST_TEST(report["notes"].empty(), report["notes"].dump());
    for (const auto& [name, content] : kTravel) {
      const std::string file = back + "/" + name;
      BOOST_TEST_REQUIRE(fs::is_regular_file(file), format << ": " << name);
      BOOST_TEST(read_file(file, 100) == content);
    }
    for (const std::string& name : kStay) BOOST_TEST(!fs::exists(back + "/" + name), format << ": " << name);
  }
}

BOOST_AUTO_TEST_CASE(what_stays_behind_is_named) {
  const tests::TemporaryFolder scratch;
  const std::string hf = make_folder(scratch);
  fs::resize_file(hf + "/tekken.json", (128 << 20) + 1);
  put(hf + "/.gitattributes", "x");
  put(hf + "/.templates/chat.jinja", "x");
  const std::vector<std::string> notes = convert(hf, scratch.file("m"))["notes"];
  const std::vector<std::string> expected{
      hf + "/checkpoint-5/ stays behind: it has other weights",
      hf + "/original/ stays behind: it has other weights",
      hf + "/training_args.bin stays behind: it has other weights",
      hf + "/tekken.json stays behind: it is larger than 128 MiB",
      hf + "/.templates stays behind: it is hidden, no file, or lies too deep"};
  BOOST_TEST(notes == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_ends_a_text_is_not_lost_in_silence) {
  const tests::TemporaryFolder scratch;
  const std::string hf = make_folder(scratch), there = scratch.file("m"),
                    silence = "no file says which tokens begin and end";
  put(hf + "/generation_config.json", R"({"eos_token_id": 2})");
  convert(hf, there, {.format = "torch_dist"});
  const auto notes = [&](const std::string& to, const std::string& reference) {
    OpenOptions source;
    source.hf_reference = reference;
    return joined(convert(plan(there, {.format = "hf"}, source), scratch.file(to))["notes"]);
  };
  // The manifest has it: neither the file nor a reference's stays behind.
  BOOST_TEST(notes("a", hf).find("generation_config.json") == std::string::npos);
  BOOST_TEST(fs::is_regular_file(scratch.file("a") + "/generation_config.json"));
  fs::remove(there + "/" + kManifestName);
  BOOST_TEST(notes("b", "").find(silence) != std::string::npos);
  BOOST_TEST(notes("c", hf).find(silence) == std::string::npos);
  // A broken one is found by who reads it, and hides no model.
  put(there + "/release/tokenizer/generation_config.json", "{");
  BOOST_TEST(open_checkpoint(there).unknown_model == "");
}

BOOST_AUTO_TEST_CASE(a_name_that_leads_elsewhere_is_refused) {
  class Bytes final : public ByteSource {
   public:
    std::uint64_t size() const override { return 0; }
    const std::string& name() const override { return name_; }
    void read(std::uint64_t, std::span<std::byte>) const override {}
    std::span<const std::byte> map() const override { return {}; }

   private:
    std::string name_ = "x";
  };
  for (const char* name : {"../x", "/etc/x", "a/../../x"}) {
    const auto files = archive_files("a.h5", {{name, std::make_shared<Bytes>()}});
    BOOST_CHECK_EXCEPTION(companions(*files), InputError, tests::message_has("leads out of the folder"));
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_named) {
  const tests::TemporaryFolder scratch;
  const std::string hf = scratch.file("hf");
  tests::TinyLlama().write(hf);
  fs::create_symlink("nowhere", hf + "/broken");
  fs::create_directories(hf + "/1/2/3/4/5/6/7/8/9");
  const std::vector<std::string> left = left_behind(open_checkpoint(hf));
  BOOST_TEST(left.size() == 2U);
  for (const std::string& one : left)
    BOOST_TEST((one.find("/broken stays behind") != std::string::npos ||
                one.find("/8/9 stays behind") != std::string::npos),
               one);
}

BOOST_AUTO_TEST_SUITE_END()
