// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "mhub/base/progress.hpp"
#include "mhub/hub/hub.hpp"
#include "mhub/hub/local_files.hpp"

namespace mhub {

/// Brings large files to where the Hub keeps them, by git-lfs' batch API (its docs/api/batch.md) with the
/// transfers basic and multipart (huggingface_hub's lfs.py of 1.33 and 2.4). What is there stays there, also
/// where no commit ever names it, and is not sent again.
class LfsUpload {
 public:
  LfsUpload(Hub& hub, const RepoId& id, int connections) : hub_(hub), id_(id), connections_(connections) {}

  /// Sends what the Hub does not have; how many bytes that were. Throws as Hub::told does, and IoError for
  /// what the Hub does not want.
  std::uint64_t send(const std::vector<const LocalFile*>& files, const Callbacks& callbacks);

 private:
  /// A file, and what the Hub wants done with it.
  struct Object {
    const LocalFile* file = nullptr;
    std::string upload, verify;      ///< addresses; verify may be empty
    std::uint64_t part = 0;          ///< bytes; 0: it goes up in one piece
    std::vector<std::string> parts;  ///< addresses
    std::vector<std::string> headers;
  };
  class Sent;

  std::vector<Object> wanted(const std::vector<const LocalFile*>& files);
  Object object(const LocalFile& file, const nlohmann::json& said) const;
  void send_object(Object object, std::size_t threads, Stage& stage);
  void send_parts(const Object& object, std::size_t threads, Sent& sent);
  HttpHead put(const Object& object, const std::string& url, std::uint64_t begin, std::uint64_t end,
               Sent& sent);
  void post(const std::string& url, const nlohmann::json& asked, const std::vector<std::string>& headers,
            const std::string& what);
  std::string here(std::string url) const;
  std::string what(const LocalFile& file) const { return id_.name + ": " + file.name; }

  Hub& hub_;
  RepoId id_;
  int connections_;
};

}  // namespace mhub
