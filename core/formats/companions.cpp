// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/base/written_files.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/store/weight_files.hpp"

namespace mhub {
namespace {

/// Written by each format itself, and lists of files that are written anew.
bool written_otherwise(const std::string& name) {
  return name == "config.json" || name == "generation_config.json" || name == kManifestName ||
         (name.ends_with(".index.json") && name.find('/') == std::string::npos);
}

struct Sorted {
  std::vector<std::string> travel, weights, large, unnamed;
};

Sorted sorted(const FileSet& files) {
  const std::vector<std::string> names = files.names();
  const auto folder = [](const std::string& name) { return name.substr(0, name.find('/') + 1); };
  // What lies beside other weights in a folder of its own belongs to them: a checkpoint of a training, a
  // part.
  std::set<std::string> others;
  for (const std::string& name : names) {
    if (holds_weights(name)) others.insert(folder(name));
  }
  others.erase("");
  Sorted result;
  result.weights.assign(others.begin(), others.end());
  for (const std::string& name : names) {
    if (others.contains(folder(name)) || written_otherwise(name)) continue;
    auto& place = holds_weights(name)                    ? result.weights
                  : !is_utf8(name)                       ? result.unnamed
                  : files.size(name) > kLargestCompanion ? result.large
                                                         : result.travel;
    place.push_back(name);
  }
  return result;
}

}  // namespace

nlohmann::json kept_file(std::uint64_t size, const std::string& checksum) {
  return {{"size", size}, {"frame", checksum}};
}

std::vector<std::string> companions(const FileSet& files) {
  std::vector<std::string> names = sorted(files).travel;
  for (const std::string& name : names) {
    const fs::path path = fs::path(name).lexically_normal();
    if (path.is_absolute() || path.native().starts_with(".."))
      throw InputError(files.place(name) + ": the name leads out of the folder that the file is to be in");
  }
  return names;
}

void write_companions(const FileSet& files, const fs::path& folder) {
  for (const std::string& name : companions(files)) {
    const fs::path path = folder / name;
    fs::create_directories(path.parent_path());
    replace_file(path.string(), files.read(name, kLargestCompanion));
  }
}

std::vector<std::string> left_behind(const Checkpoint& checkpoint) {
  std::vector<std::string> sentences;
  if (checkpoint.files == nullptr) return sentences;
  std::set<fs::path> used;
  for (const Checkpoint* one : {&checkpoint, checkpoint.reference.get()}) {
    if (one == nullptr) continue;
    for (const StoredTensor& tensor : one->tensors.tensors()) {
      for (const StoredChunk& chunk : tensor.chunks) used.insert(fs::path(chunk.bytes->name()).filename());
    }
  }
  const Sorted found = sorted(*checkpoint.files);
  for (const std::string& name : found.weights) {
    if (!used.contains(name))
      sentences.push_back(checkpoint.files->place(name) + " stays behind: it has other weights");
  }
  for (const std::string& name : found.large)
    sentences.push_back(checkpoint.files->place(name) + " stays behind: it is larger than 128 MiB");
  for (const std::string& name : checkpoint.files->others())
    sentences.push_back(checkpoint.files->place(name) +
                        " stays behind: it is hidden, no file, or lies too deep");
  for (const std::string& name : found.unnamed)
    sentences.push_back(checkpoint.files->place(name) +
                        " stays behind: its name is not UTF-8, as manifests are");
  return sentences;
}

}  // namespace mhub
