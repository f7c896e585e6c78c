// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhub/base/progress.hpp"

namespace mhub {

/// What a SOURCE is brought here for.
enum class SourceUse {
  model,     ///< all that a model needs
  files,     ///< what lies beside the weights: a tokenizer
  headers,   ///< to be looked at: no weights come, and nothing is written
  stream,    ///< to be read once: weights come as they are read, and nothing is written
  arriving,  ///< as model, and to be read once while the weights are still on their way
};

class RemoteModel;
class ArrivingModel;

/// Where the files of a SOURCE lie.
struct Source {
  std::string path;  ///< of a file or folder here, "hf://org/name@commit" for one that is not
  std::vector<std::string> notes = {};           ///< what people should know
  std::shared_ptr<RemoteModel> remote = {};      ///< a model that stays on the Hub (remote_model.hpp)
  std::shared_ptr<ArrivingModel> arriving = {};  ///< weights that come into the cache (arriving_model.hpp)
};

/// The one place where the text of a SOURCE becomes a path. What exists here is itself, and a folder of the
/// Hub's cache (models--org--name) the snapshot that its refs/main names. Else it is a model of the Hub
/// ("org/name", "org/name@revision", "hf://org/name"): a complete snapshot of the cache is taken as it is,
/// without a question to the network; what is missing is downloaded, or, where the network cannot be asked
/// and the weights are there, noted. Throws IoError for what is neither, InputError for a broken cache,
/// UsageError for what is here and to be streamed, and what `download` throws.
Source resolve_source(const std::string& source, SourceUse use = SourceUse::model,
                      const Callbacks& callbacks = {});

}  // namespace mhub
