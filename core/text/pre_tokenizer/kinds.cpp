// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/kinds.hpp"

#include "mhub/text/registry.hpp"

namespace mhub::text {
namespace {

constexpr Kind<PreTokenizer> kKinds[] = {
    {"BertPreTokenizer", make_bert_pre_tokenizer},
    {"ByteLevel", make_byte_level_pre_tokenizer},
    {"CharDelimiterSplit", make_char_delimiter_split},
    {"Digits", make_digits_pre_tokenizer},
    {"FixedLength", make_fixed_length_pre_tokenizer},
    {"Metaspace", make_metaspace_pre_tokenizer},
    {"Punctuation", make_punctuation_pre_tokenizer},
    {"Sequence", make_pre_tokenizer_sequence},
    {"Split", make_split_pre_tokenizer},
    {"UnicodeScripts", make_unicode_scripts_pre_tokenizer},
    {"Whitespace", make_whitespace_pre_tokenizer},
    {"WhitespaceSplit", make_whitespace_split},
};

}  // namespace

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Settings& settings) {
  return make_component<PreTokenizer>(kKinds, "pre-tokenizer", settings);
}

}  // namespace mhub::text
