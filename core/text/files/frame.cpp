// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/frame.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"

namespace mhub::text {
namespace {

using nlohmann::json;

void add(json& frame, const std::string& token, const ModelFile& model) {
  const auto entry = std::find_if(model.vocabulary.begin(), model.vocabulary.end(),
                                  [&](const ModelFile::Entry& e) { return e.token == token; });
  if (entry == model.vocabulary.end())
    throw InputError(model.origin + ": the special token \"" + token + "\" is not in the vocabulary");
  frame["single"].push_back({{"SpecialToken", {{"id", token}}}});
  frame["special_tokens"][token]["ids"] = json::array({entry->id});
}

}  // namespace

nlohmann::json frame_with(const std::optional<std::string>& bos, const std::optional<std::string>& eos,
                          const ModelFile& model) {
  if (!bos && !eos) return nullptr;
  json frame{{"type", "TemplateProcessing"}, {"single", json::array()}, {"special_tokens", json::object()}};
  if (bos) add(frame, *bos, model);
  frame["single"].push_back({{"Sequence", {{"id", "A"}}}});
  if (eos) add(frame, *eos, model);
  return frame;
}

}  // namespace mhub::text
