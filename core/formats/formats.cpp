// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "mhub/base/error.hpp"
#include "mhub/formats/format.hpp"

namespace mhub {

// Each in the folder of its name.
const Format& torch_dist_format();
const Format& torch_format();
const Format& hf_format();
const Format& hdf5_format();
const Format& null_format();

namespace {

std::vector<const Format*>& table() {
  static std::vector<const Format*> formats{
      &torch_dist_format(), &torch_format(), &hf_format(), &hdf5_format(), &null_format(),
  };
  return formats;
}

}  // namespace

nlohmann::json Format::original(const Checkpoint& checkpoint) const {
  nlohmann::json original = nlohmann::json::object();
  if (!checkpoint.manifest.is_object() || !checkpoint.manifest.contains("hf_files")) return original;
  for (const char* key : {"hf_files", "hf_dtypes"}) {
    if (checkpoint.manifest.contains(key)) original[key] = checkpoint.manifest[key];
  }
  return original;
}

const std::vector<const Format*>& formats() { return table(); }

void add_format(const Format& format) { table().push_back(&format); }

const Format* find_format(const std::string& path) {
  for (const Format* format : formats()) {
    if (format->probe(path)) return format;
  }
  return nullptr;
}

const Format& format_named(const std::string& name) {
  for (const Format* format : formats()) {
    if (format->name() == name) return *format;
  }
  throw UsageError("expected " + format_names() + ", found \"" + name + "\"");
}

std::string format_names() {
  std::string names;
  for (std::size_t k = 0; k < formats().size(); ++k)
    names += (k == 0 ? "" : k + 1 == formats().size() ? " or " : ", ") + std::string(formats()[k]->name());
  return names;
}

void refuse_layout_options(const WriteOptions& options, std::string_view format) {
  WriteOptions others;  // what every format has
  others.format = options.format;
  others.dtype = options.dtype;
  others.max_shard_bytes = options.max_shard_bytes;
  if (options != others)
    throw UsageError(std::string(format) +
                     " has no ranks, stages or iterations: --tp, --pp, --ep, --iteration " +
                     "and what else lays out a Megatron checkpoint does not apply");
}

void refuse_shard_size(const WriteOptions& options, std::string_view format) {
  if (options.max_shard_bytes)
    throw UsageError("--max-shard-size is for hf; " + std::string(format) + " has no shards");
}

DType main_dtype(const std::vector<SinkTensor>& tensors) {
  std::map<DType, std::int64_t> elements{{DType::f32, 0}};
  for (const SinkTensor& tensor : tensors) elements[tensor.dtype] += numel(tensor.shape);
  return std::max_element(elements.begin(), elements.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace mhub
