// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/error.hpp"

namespace mhub {

/// A config whose fields contradict each other. Thrown where they meet, often far from the file's name, which
/// the reader of the file adds (formats/hf/hf_state.hpp). What no config can cause is a bug of mhub or of a
/// plugin and a std::logic_error, which nothing catches on the way: `mhub` ends with exit code 70.
class ConfigError : public InputError {
 public:
  using InputError::InputError;
};

}  // namespace mhub
