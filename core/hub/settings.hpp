// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace mhub {

/// Where the Hub and its cache are, and who asks: what huggingface_hub reads from the same variables and
/// files.
struct HubSettings {
  std::filesystem::path cache;       ///< holds models--org--name/
  std::string endpoint;              ///< "https://huggingface.co", without a slash at its end
  std::optional<std::string> token;  ///< goes to the endpoint alone; never printed
  std::string token_place;           ///< where the token comes from, for messages
  bool offline = false;              ///< never ask the network
  int patience = 10;                 ///< seconds without a byte after which a connection is given up
  double backoff = 1;                ///< seconds before the first of several repeated attempts

  /// A variable's value; nullptr where it is not set.
  using Variables = std::function<const char*(const char* name)>;
  /// Of the environment: HF_HOME, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, XDG_CACHE_HOME, HF_ENDPOINT, HF_TOKEN,
  /// HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE,
  /// TRANSFORMERS_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT. A variable that is set to nothing counts as not set.
  /// Throws UsageError for values that cannot be used.
  static HubSettings from_environment(const Variables& variables = {});
};

}  // namespace mhub
