// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub::text {

enum class NormalizationForm { nfc, nfd, nfkc, nfkd };

/// `text` (valid UTF-8) in a Unicode normalization form, with the data of Unicode 9 as in the `tokenizers`
/// package (unicode-normalization-alignments): characters that came later are left alone and stop
/// composition.
std::string normalize(std::string_view text, NormalizationForm form);

}  // namespace mhub::text
