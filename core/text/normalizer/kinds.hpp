// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/text/normalizer/normalizer.hpp"

namespace mhub::text {

// One function per kind, each in the source file of its name.
std::unique_ptr<Normalizer> make_bert_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_byte_level_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_lowercase_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_nfc_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_nfd_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_nfkc_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_nfkd_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_nmt_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_precompiled_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_prepend_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_replace_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_normalizer_sequence(const Settings& settings);
std::unique_ptr<Normalizer> make_strip_normalizer(const Settings& settings);
std::unique_ptr<Normalizer> make_strip_accents_normalizer(const Settings& settings);

}  // namespace mhub::text
