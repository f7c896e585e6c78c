// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/unicode/normalization.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uniset.h>

#include "mhub/base/error.hpp"

namespace mhub::text {
namespace {

void require(UErrorCode status) {
  if (U_FAILURE(status))
    throw InputError(std::string("Unicode normalization: ICU reports ") + u_errorName(status));
}

/// The characters of Unicode 9.
const icu::UnicodeSet& unicode_9() {
  static const std::unique_ptr<const icu::UnicodeSet> set = [] {
    UErrorCode status = U_ZERO_ERROR;
    auto made = std::make_unique<icu::UnicodeSet>(u"[:age=9.0:]", status);
    require(status);
    made->freeze();
    return made;
  }();
  return *set;
}

const icu::Normalizer2& current_normalizer(NormalizationForm form) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = nullptr;
  switch (form) {
    case NormalizationForm::nfc: found = icu::Normalizer2::getNFCInstance(status); break;
    case NormalizationForm::nfd: found = icu::Normalizer2::getNFDInstance(status); break;
    case NormalizationForm::nfkc: found = icu::Normalizer2::getNFKCInstance(status); break;
    case NormalizationForm::nfkd: found = icu::Normalizer2::getNFKDInstance(status); break;
  }
  require(status);
  return *found;
}

}  // namespace

std::string normalize(std::string_view text, NormalizationForm form) {
  // ICU counts in 32 bits, and decompositions grow text up to 11-fold.
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) / 16)
    throw InputError("text of " + std::to_string(text.size()) + " bytes is too long to normalize; split it");
  const icu::Normalizer2& current = current_normalizer(form);
  const icu::StringPiece piece(text.data(), static_cast<std::int32_t>(text.size()));
  UErrorCode status = U_ZERO_ERROR;
  // What is normalized by newer data is so by older data too, and asking is much faster than normalizing.
  if (current.isNormalizedUTF8(piece, status) && U_SUCCESS(status)) return std::string(text);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  icu::StringByteSink<std::string> sink(&out);
  status = U_ZERO_ERROR;
  icu::FilteredNormalizer2(current, unicode_9()).normalizeUTF8(0, piece, sink, nullptr, status);
  require(status);
  return out;
}

}  // namespace mhub::text
