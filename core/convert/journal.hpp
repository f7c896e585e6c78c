// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "mhub/base/file.hpp"

namespace mhub {

/// The record of an unfinished conversion, a text file in its partial folder: first the key of the conversion
/// (what is converted, how, and by which mhub), then a line "<chunk number> <checksum>" for every finished
/// chunk. Nothing in it is believed: a chunk counts when its bytes still have the checksum, and a line that
/// was cut off by a power failure is no line. It appears under its name with its key, never before.
class Journal {
 public:
  /// Begins a journal, or with `resume` reads one that is there and goes on with it. Throws InputError when
  /// it has another key: the source or the options are not those of the interrupted run.
  Journal(const std::string& folder, const std::string& key, std::size_t chunks, bool resume);

  /// Checksums by chunk; empty for unfinished ones.
  const std::vector<std::string>& finished() const { return finished_; }
  /// Notes a finished chunk. Thread-safe.
  void add(std::size_t chunk, const std::string& checksum);

 private:
  std::string path_;
  std::vector<std::string> finished_;
  Descriptor descriptor_;
};

}  // namespace mhub
