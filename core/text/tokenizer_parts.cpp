// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/tokenizer_parts.hpp"

namespace mhub::text {

TokenizerParts make_parts(const TokenizerFile& file) {
  const Settings settings(file.settings, file.path);
  TokenizerParts parts;
  parts.path = file.path;
  if (settings.has("normalizer")) parts.normalizer = make_normalizer(settings.object("normalizer"));
  if (settings.has("pre_tokenizer"))
    parts.pre_tokenizer = make_pre_tokenizer(settings.object("pre_tokenizer"));
  if (settings.has("post_processor"))
    parts.post_processor = make_post_processor(settings.object("post_processor"));
  if (settings.has("decoder")) parts.decoder = make_decoder(settings.object("decoder"));
  parts.model = make_model(file.model);
  if (settings.has("added_tokens")) {
    for (const Settings& token : settings.objects("added_tokens"))
      parts.added.add(added_token(token), parts.model->vocabulary());
  }
  return parts;
}

}  // namespace mhub::text
