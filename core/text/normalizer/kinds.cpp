// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/normalizer/kinds.hpp"

#include "mhub/text/registry.hpp"

namespace mhub::text {
namespace {

constexpr Kind<Normalizer> kKinds[] = {
    {"BertNormalizer", make_bert_normalizer},
    {"ByteLevel", make_byte_level_normalizer},
    {"Lowercase", make_lowercase_normalizer},
    {"NFC", make_nfc_normalizer},
    {"NFD", make_nfd_normalizer},
    {"NFKC", make_nfkc_normalizer},
    {"NFKD", make_nfkd_normalizer},
    {"Nmt", make_nmt_normalizer},
    {"Precompiled", make_precompiled_normalizer},
    {"Prepend", make_prepend_normalizer},
    {"Replace", make_replace_normalizer},
    {"Sequence", make_normalizer_sequence},
    {"Strip", make_strip_normalizer},
    {"StripAccents", make_strip_accents_normalizer},
};

}  // namespace

std::unique_ptr<Normalizer> make_normalizer(const Settings& settings) {
  return make_component<Normalizer>(kKinds, "normalizer", settings);
}

}  // namespace mhub::text
