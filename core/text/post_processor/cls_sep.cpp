// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/post_processor/id.hpp"
#include "mhub/text/post_processor/kinds.hpp"

namespace mhub::text {
namespace {

class ClsSep final : public PostProcessor {
 public:
  explicit ClsSep(const Settings& settings) : cls_(id(settings, "cls")), sep_(id(settings, "sep")) {}
  void process(TokenIds& ids) const override {
    ids.insert(ids.begin(), cls_);
    ids.push_back(sep_);
  }

 private:
  /// Written as ["[CLS]", 101].
  static TokenId id(const Settings& settings, const std::string& key) {
    if (!settings.has(key)) settings.fail("\"" + key + "\" is missing");
    const nlohmann::json& pair = settings.json()[key];
    if (!pair.is_array() || pair.size() != 2) settings.fail("\"" + key + "\" must be [token, id]");
    return checked_id(pair[1], settings);
  }

  TokenId cls_, sep_;
};

}  // namespace

std::unique_ptr<PostProcessor> make_cls_sep_post_processor(const Settings& settings) {
  return std::make_unique<ClsSep>(settings);
}

}  // namespace mhub::text
