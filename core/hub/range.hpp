// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "mhub/hub/hub.hpp"

namespace mhub {

/// A file of a repository that is read in ranges. Where it lies is asked once: the Hub redirects large files
/// to signed addresses, which are used until they expire. Thread-safe.
class RangeReader {
 public:
  RangeReader(Hub& hub, std::string repo, std::string commit, RepoFile file);

  const RepoFile& file() const { return file_; }
  /// "org/name: model.safetensors", for messages.
  const std::string& what() const { return what_; }
  /// Bytes from `begin`, at most to `end`, in pieces; goes on where the network failed. `take` has had all of
  /// them when this returns. Throws as Hub::get does, and HttpError for bytes that do not come.
  void read(std::uint64_t begin, std::uint64_t end,
            const std::function<void(std::span<const std::byte>)>& take);

 private:
  std::string address();
  void forget(const std::string& address);
  void attempt(std::uint64_t begin, std::uint64_t end,
               const std::function<void(std::span<const std::byte>)>& take, std::uint64_t& done);

  Hub& hub_;
  RepoFile file_;
  std::string what_, resolve_;
  std::mutex mutex_;
  std::string address_;
};

}  // namespace mhub
