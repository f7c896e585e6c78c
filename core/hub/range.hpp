// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

#include "mhub/hub/hub.hpp"

namespace mhub {

/// Whether the bytes of all ranges together are checked against the file's hash.
enum class Hashed { yes, no };

/// A file of a repository that is read in ranges. Where it lies is asked once: the Hub redirects large files
/// to signed addresses, which are used until they expire. Thread-safe.
class RangeReader {
 public:
  RangeReader(Hub& hub, const std::string& repo, const std::string& commit, RepoFile file, Hashed hashed);

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
  /// An answer that has no range is taken for the whole file where it has the file's size, or, where a hash
  /// tells later, none.
  void require_whole(const HttpHead& head, const std::string& host) const;
  void attempt(std::uint64_t begin, std::uint64_t end,
               const std::function<void(std::span<const std::byte>)>& take, std::uint64_t& done);

  Hub& hub_;
  RepoFile file_;
  Hashed hashed_;
  std::string what_, resolve_;
  std::mutex mutex_;
  std::string address_;
};

}  // namespace mhub
