// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/hub/http/driver.hpp"

namespace mhub {

/// The hash that the Hub calls a file by, its bytes still to come: the sha256 of a large file, and of a small
/// one the name of its blob in git, which is the hash of "blob SIZE", a zero and the content.
std::unique_ptr<Digest> begin_etag(bool large, std::uint64_t size);

}  // namespace mhub
