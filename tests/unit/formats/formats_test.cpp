// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <functional>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/tiny_llama.hpp"
#include "formats/npy_format.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/formats/format.hpp"

using namespace mhub;
namespace fs = std::filesystem;

namespace {

struct Scratch : tests::TemporaryFolder {
  std::string operator/(const std::string& name) const { return file(name); }
};

/// A file with its folders.
void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  write_file(path.string(), content);
}

void check_named(const std::function<std::string(const Scratch&)>& make, const std::string& part) {
  const Scratch scratch;
  const std::string path = make(scratch);
  BOOST_CHECK_EXCEPTION(open_checkpoint(path), InputError, tests::message_has(path, part));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(formats_table)

BOOST_AUTO_TEST_CASE(formats_are_found_by_name) {
  BOOST_TEST(format_names() == "torch_dist, torch, hf or hdf5");
  for (const Format* format : formats()) BOOST_TEST(&format_named(std::string(format->name())) == format);
  BOOST_TEST(formats().front() == &format_named("torch_dist"));
  BOOST_CHECK_EXCEPTION(format_named("gguf"), UsageError,
                        tests::message_has("expected torch_dist, torch, hf or hdf5, found \"gguf\""));
  BOOST_CHECK_THROW(format_named(""), UsageError);
}

BOOST_AUTO_TEST_CASE(what_lies_there_is_found_out) {
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  BOOST_TEST(find_format(scratch / "hf") == &format_named("hf"));
  // The root and what is in it; a Hugging Face folder is one whatever else lies in it.
  for (const std::string format : {"torch_dist", "torch"}) {
    convert(scratch / "hf", scratch / format, {.format = format});
    BOOST_TEST(find_format(scratch / format) == &format_named(format));
    BOOST_TEST(find_format(scratch / format + "/release") == &format_named(format));
    put(scratch / format + "/config.json", "{}");
    BOOST_TEST(find_format(scratch / format) == &format_named("hf"));
  }
  convert(scratch / "hf", scratch / "file", {.format = "hdf5"});
  BOOST_TEST(find_format(scratch / "file") == &format_named("hdf5"));
  fs::create_directory(scratch / "empty");
  BOOST_TEST(find_format(scratch / "empty") == nullptr);
  BOOST_CHECK_THROW(open_checkpoint(scratch / "empty"), InputError);
  BOOST_CHECK_THROW(open_checkpoint(scratch / "nothing"), IoError);
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  auto file = [](const std::string& name, const std::string& content, bool folder) {
    return [=](const Scratch& scratch) {
      put(scratch / ("x/" + name), content);
      return folder ? scratch / "x" : scratch / ("x/" + name);
    };
  };
  check_named(file("m.bin", "GGUF\x03", false), "is a GGUF file");
  check_named(file("m.safetensors", "anything", false), "is a single safetensors file");
  check_named(file("adapter_config.json", "{}", true), "is a PEFT adapter");
  check_named(file(".metadata", "x", true), "fsdp_dtensor or torch_dcp");
  check_named(file("metadata.json", R"({"sharded_backend": "zarr", "sharded_backend_version": 1})", true),
              "zarr");
  check_named(file("nonsense", "GGU", false), "neither a Hugging Face folder");
}

BOOST_AUTO_TEST_CASE(a_tracker_leads_to_an_iteration) {
  const Scratch scratch;
  put(scratch / "x/latest_checkpointed_iteration.txt", "12\n");
  put(scratch / "x/iter_0000012/.metadata", "x");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError, tests::message_has("fsdp_dtensor"));
  fs::remove_all(scratch / "x/iter_0000012");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError,
                        tests::message_has("x/iter_0000012: no Megatron checkpoint there"));
  fs::remove(scratch / "x/latest_checkpointed_iteration.txt");
  put(scratch / "x/latest_checkpointed_iteration.txt", "twelve");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError, tests::message_has("found \"twelve\""));
}

// Last: the format stays.
BOOST_AUTO_TEST_CASE(a_format_of_ones_own) {
  add_format(tests::npy_format());
  BOOST_TEST(format_names() == "torch_dist, torch, hf, hdf5 or npy");
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  convert(scratch / "hf", scratch / "npy", {.format = "npy"}, {.verify = true});
  BOOST_TEST(fs::exists(scratch / "npy/model.norm.weight.npy"));
  BOOST_TEST(find_format(scratch / "npy") == &tests::npy_format());
  BOOST_TEST(check_manifest(open_checkpoint(scratch / "npy")).problems.empty());
  convert(scratch / "npy", scratch / "torch", {.format = "torch", .tp = 2}, {.verify = true});
  convert(scratch / "torch", scratch / "half", {.format = "npy", .dtype = DType::f16}, {.verify = true});
  convert(scratch / "npy", scratch / "back", {.format = "hf"});
  BOOST_TEST(verify(scratch / "hf", scratch / "back").differences.empty());
  BOOST_TEST(verify(scratch / "hf", scratch / "half", {.cast = true}).differences.empty());
  BOOST_CHECK_THROW(verify(scratch / "hf", scratch / "half"), MismatchError);
  convert(scratch / "hf", scratch / "npy", {}, {.overwrite = true});
  BOOST_TEST(find_format(scratch / "npy") == formats().front());
}

BOOST_AUTO_TEST_SUITE_END()
