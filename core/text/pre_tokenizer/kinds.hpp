// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/text/pre_tokenizer/pre_tokenizer.hpp"

namespace mhub::text {

// One function per kind, each in the source file of its name.
std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_byte_level_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_char_delimiter_split(const Settings& settings);
std::unique_ptr<PreTokenizer> make_digits_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_fixed_length_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_metaspace_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_pre_tokenizer_sequence(const Settings& settings);
std::unique_ptr<PreTokenizer> make_punctuation_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_split_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_unicode_scripts_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_whitespace_pre_tokenizer(const Settings& settings);
std::unique_ptr<PreTokenizer> make_whitespace_split(const Settings& settings);

}  // namespace mhub::text
