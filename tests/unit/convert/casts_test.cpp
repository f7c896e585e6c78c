// SPDX-License-Identifier: Apache-2.0
// Types on the way: casts that lose more than rounding are said or refused, and tensors of different types
// that Megatron keeps in one are widened to the type that holds all of them.
#include <cmath>
#include <cstring>
#include <functional>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/tiny_llama.hpp"
#include "mhub/base/error.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/tensor/convert.hpp"

BOOST_AUTO_TEST_SUITE(casts)

using namespace mhub;
using tests::message_has;

namespace {

/// A Llama folder whose tensors have the types that `type_of` gives; values are exact in all of them, but for
/// f32's, unless `value_of` gives others.
void write_llama(const std::string& folder, const std::function<DType(const std::string&)>& type_of,
                 const std::function<float(const std::string&, std::size_t)>& value_of = {}) {
  tests::TinyLlama model;
  const nlohmann::ordered_json header = model.header;
  model.header = nlohmann::ordered_json::object();
  model.payload.clear();
  for (const auto& [name, entry] : header.items()) {
    const DType dtype = type_of(name);
    const Shape shape = entry["shape"].get<Shape>();
    const auto count = static_cast<std::size_t>(numel(shape));
    std::vector<float> values(count);
    for (std::size_t k = 0; k < count; ++k) {
      values[k] = static_cast<float>((k * 7 + name.size()) % 31) / 16.0F - 1.0F;
      if (dtype == DType::f32) values[k] += 1.0F / 3.0F;
      if (value_of) values[k] = value_of(name, k);
    }
    std::string bytes(count * size_of(dtype), '\0');
    convert_elements(DType::f32, reinterpret_cast<const std::byte*>(values.data()), dtype,
                     reinterpret_cast<std::byte*>(bytes.data()), count);
    const std::size_t begin = model.payload.size();
    model.payload += bytes;
    model.header[name] = {{"dtype", safetensors_name(dtype)},
                          {"shape", shape},
                          {"data_offsets", {begin, begin + bytes.size()}}};
  }
  model.write(folder);
}

DType stored_dtype(const std::string& path, const std::string& name) {
  const Checkpoint checkpoint = open_checkpoint(path);
  const StoredTensor* tensor = checkpoint.tensors.find(name);
  BOOST_REQUIRE_MESSAGE(tensor != nullptr, path << " has no " << name);
  return tensor->dtype;
}

/// bf16 but for the named ones.
std::function<DType(const std::string&)> bf16_but(std::map<std::string, DType> others) {
  return [others = std::move(others)](const std::string& name) {
    const auto found = others.find(name);
    return found == others.end() ? DType::bf16 : found->second;
  };
}

const std::string kOutput0 = "model.layers.0.self_attn.o_proj.weight",
                  kQuery1 = "model.layers.1.self_attn.q_proj.weight",
                  kUp1 = "model.layers.1.mlp.up_proj.weight", kDown1 = "model.layers.1.mlp.down_proj.weight";

}  // namespace

BOOST_AUTO_TEST_CASE(an_overflow_is_refused_unless_allowed) {
  const tests::TemporaryFolder folder;
  write_llama(
      folder.file("hf"), [](const std::string&) { return DType::f32; },
      [](const std::string& name, std::size_t k) {
        if (name != kUp1) return 0.5F;
        return k == 29 ? -1e6F : k == 30 ? 1e-12F : 1.0F;
      });
  for (const char* format : {"torch_dist", "torch", "hf", "hdf5"}) {
    const WriteOptions half{.format = format, .dtype = DType::f16};
    BOOST_CHECK_EXCEPTION(convert(folder.file("hf"), folder.file("out"), half), InputError,
                          message_has(kUp1, "1e+06 is infinite in float16", "allow-overflow"));
    BOOST_TEST(!std::filesystem::exists(folder.file("out")));
    const nlohmann::json report = convert(folder.file("hf"), folder.file(std::string("as_") + format), half,
                                          {.verify = true, .allow_overflow = true});
    const std::string notes = report["notes"].dump();
    BOOST_TEST(notes.find("the cast to float16 made 1 values infinite: 1 of tensor") != notes.npos, notes);
    BOOST_TEST(notes.find("made 1 values zero") != notes.npos, notes);
  }
  // What bf16 holds is no loss, and without a cast there is none to allow.
  const nlohmann::json report =
      convert(folder.file("hf"), folder.file("bf16"), {.format = "hf", .dtype = DType::bf16});
  BOOST_TEST(report["notes"].empty(), report["notes"].dump());
  BOOST_CHECK_THROW(convert(folder.file("hf"), folder.file("no"), {}, {.allow_overflow = true}), UsageError);
}

BOOST_AUTO_TEST_CASE(tensors_of_several_types_in_one) {
  const tests::TemporaryFolder folder;
  // Across layers, beside others in one layer, and of two narrow types that only a third holds.
  write_llama(folder.file("hf"),
              bf16_but({{kOutput0, DType::f32}, {kQuery1, DType::f32}, {kUp1, DType::f16}}));
  for (const char* format : {"torch_dist", "torch", "hdf5"}) {
    BOOST_TEST_CONTEXT(format) {
      const std::string there = folder.file(format), back = there + "_back";
      const int tp = format == std::string("hdf5") ? 1 : 2;
      const nlohmann::json report =
          convert(folder.file("hf"), there, {.format = format, .tp = tp}, {.verify = true});
      // An HDF5 archive has a dataset for each Hugging Face tensor.
      const bool widened = report["notes"].dump().find("stored in a wider type, since") != std::string::npos;
      BOOST_TEST(widened == (format != std::string("hdf5")), report["notes"].dump());
      BOOST_TEST(verify(folder.file("hf"), there).equal());
      BOOST_TEST(verify(there, folder.file("hf")).equal());
      convert(there, back, {.format = "hf"}, {.verify = true});
      BOOST_TEST(verify(folder.file("hf"), back).equal());
      for (const std::string& name : {kOutput0, kQuery1, kUp1, kDown1})
        BOOST_TEST((stored_dtype(back, name) == stored_dtype(folder.file("hf"), name)), name);
    }
  }
  BOOST_TEST((stored_dtype(folder.file("torch_dist"), "decoder.layers.self_attention.linear_proj.weight") ==
              DType::f32));
  // With a cast, it alone decides.
  const nlohmann::json casts = convert(folder.file("hf"), folder.file("cast"),
                                       {.format = "torch", .dtype = DType::bf16}, {.verify = true});
  BOOST_TEST(casts["notes"].empty(), casts["notes"].dump());
  const Checkpoint cast = open_checkpoint(folder.file("cast"));
  for (const StoredTensor& tensor : cast.tensors.tensors())
    BOOST_TEST((tensor.dtype == DType::bf16), tensor.name);
}

BOOST_AUTO_TEST_CASE(values_that_came_later_keep_their_type) {
  const tests::TemporaryFolder folder;
  write_llama(folder.file("hf"), bf16_but({{kOutput0, DType::f32}}));
  convert(folder.file("hf"), folder.file("megatron"), {.format = "torch_dist"});
  // Trained since: layer 1's output projection, bf16 once, has a value that only f32 holds.
  const Checkpoint before = open_checkpoint(folder.file("megatron"));
  const StoredTensor* stacked = before.tensors.find("decoder.layers.self_attention.linear_proj.weight");
  BOOST_REQUIRE(stacked != nullptr);
  const StoredChunk& last = stacked->chunks.back();
  std::fstream file(last.bytes->name(), std::ios::in | std::ios::out | std::ios::binary);
  const float value = 1.0F / 3.0F;
  file.seekp(static_cast<std::streamoff>(last.byte_offset) +
             static_cast<std::streamoff>(4 * (numel(last.shape) - 1)));
  file.write(reinterpret_cast<const char*>(&value), 4);
  file.close();
  convert(folder.file("megatron"), folder.file("back"), {.format = "hf"}, {.verify = true});
  BOOST_TEST((stored_dtype(folder.file("back"), "model.layers.1.self_attn.o_proj.weight") == DType::f32));
  BOOST_TEST((stored_dtype(folder.file("back"), kDown1) == DType::bf16));
}

BOOST_AUTO_TEST_CASE(another_type_everywhere_is_still_a_difference) {
  const tests::TemporaryFolder folder;
  write_llama(folder.file("bf16"), bf16_but({}));
  convert(folder.file("bf16"), folder.file("f32"), {.format = "hf", .dtype = DType::f32});
  const VerifyReport report = verify(folder.file("bf16"), folder.file("f32"));
  BOOST_TEST(!report.equal());
  BOOST_TEST(report.differences.empty());  // the values are the same
  BOOST_TEST(report.retyped.size() == report.tensors);
  BOOST_REQUIRE(!report.retyped.empty());
  BOOST_TEST((report.retyped[0].left == DType::bf16 && report.retyped[0].right == DType::f32));
  BOOST_TEST(verify(folder.file("f32"), folder.file("bf16")).retyped.size() == report.retyped.size());
}

BOOST_AUTO_TEST_CASE(values_that_a_cast_rounded_are_differences_of_their_own) {
  const tests::TemporaryFolder folder;
  tests::TinyLlama().write(folder.file("f32"));
  convert(folder.file("f32"), folder.file("bf16"), {.format = "hf", .dtype = DType::bf16});
  const VerifyReport report = verify(folder.file("f32"), folder.file("bf16"));
  BOOST_TEST(report.retyped.size() == report.tensors);
  BOOST_TEST(!report.differences.empty());
  BOOST_TEST(verify(folder.file("f32"), folder.file("bf16"), {.cast = true}).equal());
}

BOOST_AUTO_TEST_SUITE_END()
