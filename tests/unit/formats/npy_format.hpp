// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/format.hpp"

namespace mhub::tests {

/// A toy: a folder with a .npy file for each tensor, under Hugging Face's names, and config.json with what
/// else is small in "about". What adding a format takes: this folder, and one call of add_format.
const Format& npy_format();

}  // namespace mhub::tests
