// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/post_processor/id.hpp"
#include "mhub/text/post_processor/kinds.hpp"

namespace mhub::text {
namespace {

/// A list of special tokens around the text; the template for pairs of texts is not used.
class TemplateProcessing final : public PostProcessor {
 public:
  explicit TemplateProcessing(const Settings& settings) {
    const Settings special_tokens = settings.object("special_tokens");
    for (const Settings& part : settings.objects("single")) {
      if (part.has("SpecialToken")) {
        add_special(special_tokens, part.object("SpecialToken").string("id"));
      } else if (part.object("Sequence").string("id") == "A") {
        parts_.emplace_back();
      } else {
        part.fail("the template of a single text can only hold the sequence A");
      }
    }
  }

  void process(TokenIds& ids) const override {
    TokenIds out;
    out.reserve(ids.size() + parts_.size());
    for (const TokenIds& part : parts_) {
      const TokenIds& source = part.empty() ? ids : part;
      out.insert(out.end(), source.begin(), source.end());
    }
    ids = std::move(out);
  }

 private:
  void add_special(const Settings& special_tokens, const std::string& name) {
    const Settings token = special_tokens.object(name);
    if (!token.has("ids") || !token.json()["ids"].is_array()) token.fail("\"ids\" must be a list");
    TokenIds ids;
    for (const nlohmann::json& id : token.json()["ids"]) ids.push_back(checked_id(id, token));
    if (!ids.empty()) parts_.push_back(std::move(ids));
  }

  std::vector<TokenIds> parts_;  ///< ids of special tokens; an empty part is the text
};

}  // namespace

std::unique_ptr<PostProcessor> make_template_post_processor(const Settings& settings) {
  return std::make_unique<TemplateProcessing>(settings);
}

}  // namespace mhub::text
