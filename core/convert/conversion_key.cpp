// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/conversion_key.hpp"

#include <set>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/hub/arriving_model.hpp"
#include "mhub/hub/cache.hpp"

namespace mhub {
namespace {

/// What the sources hold, for another run at another time. Of files in the Hub's cache it is their hashes:
/// those that were on their way when a conversion was interrupted may be there when it goes on.
std::string contents_of(const std::vector<const StoredTensor*>& tensors, const ArrivingModel* arriving) {
  std::set<const ByteSource*> files;
  for (const StoredTensor* tensor : tensors) {
    for (const StoredChunk& chunk : tensor->chunks) files.insert(chunk.bytes.get());
  }
  std::set<std::string> contents;
  for (const ByteSource* file : files) {
    std::optional<std::string> etag = etag_of_file(file->name());
    if (!etag && arriving != nullptr) etag = arriving->etag_of(file->name());
    contents.insert(etag ? *etag : file->fingerprint());
  }
  std::string text;
  for (const std::string& content : contents) text += content + "\n";
  return text;
}

/// A damaged key may be longer than any.
bool has_key(const std::string& path, const std::string& key) {
  try {
    return read_file(path, 1 << 10) == key;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

std::string conversion_key(const Conversion& conversion) {
  nlohmann::json target = conversion.output().describe();
  for (const SinkTensor& tensor : conversion.copies().tensors) {
    nlohmann::json chunks = nlohmann::json::array();
    for (const SinkChunk& chunk : tensor.chunks) chunks.push_back({chunk.offset, chunk.shape, chunk.rank});
    target["tensors"].push_back({tensor.name, torch_name(tensor.dtype), tensor.shape, chunks});
  }
  const std::string text = std::string(MHUB_VERSION) + "\n" +
                           contents_of(conversion.copies().sources, conversion.source().arriving.get()) +
                           conversion.source().model->class_name + "\n" +
                           json_text(conversion.source().config->json()) + "\n" + json_text(target);
  return checksum_of(text);
}

void note_key(const StagingDirectory& staging, const std::string& key, bool shared) {
  const std::string path = staging.notes() + "/key";
  const bool goes_on = (shared || staging.resumed()) && fs::exists(path);
  if (goes_on && !has_key(path, key))
    throw OtherConversion(
        staging.notes() +
        ": the interrupted conversion had another source, other options or another version of mhub; " +
        (shared ? "remove it to start anew" : "run without --resume to start anew"));
  put_file(path, key, Writers::several);
}

}  // namespace mhub
