// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <thread>

#include "mhub/base/file.hpp"
#include "mhub/base/progress.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/hub/remote_bytes.hpp"
#include "mhub/store/sharded_folder.hpp"

namespace mhub {

class ArrivingModel;

/// A file of weights on its way into the cache. While the model is opened, its header is read from the Hub;
/// then reads wait for their bytes, which come from the front, and take them from the cache.
class ArrivingBytes final : public ByteSource {
 public:
  ArrivingBytes(ArrivingModel& model, std::shared_ptr<Hub> hub, const RepoId& id, const std::string& commit,
                const RepoFile& file, std::string path);

  std::uint64_t size() const override { return file_.size; }
  const std::string& name() const override { return path_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override;
  bool arrives() const override { return true; }
  bool in_file() const override { return true; }
  /// Another one once bytes that were here turned out to be wrong.
  std::string fingerprint() const override;

  void fetch_header() const { header_.fetch_header(); }
  bool renew_header() const { return header_.renew_header(); }
  const std::string& etag() const { return file_.etag(); }
  /// Throws IoError where the header that was read from the Hub is not the one that came.
  void check_header() const;

 private:
  const InputFile& opened() const;

  ArrivingModel& model_;
  RepoFile file_;
  std::string path_;
  RemoteBytes header_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<InputFile> opened_;
};

/// A model whose weights come into the cache while it is read: the download of download.hpp, on threads of
/// its own, and the tensors that there will be. Readers must not believe what they read before `wait` has
/// returned and the files have the fingerprints that they had before: hashes are known at the end of files.
class ArrivingModel final : public WeightFolder, public std::enable_shared_from_this<ArrivingModel> {
 public:
  /// Begins, and returns when all but the weights is here. Throws what `download` throws.
  ArrivingModel(std::shared_ptr<Hub> hub, RepoId id, const Callbacks& callbacks);
  /// Ends the download; what has come is kept.
  ~ArrivingModel() override;
  ArrivingModel(const ArrivingModel&) = delete;
  ArrivingModel& operator=(const ArrivingModel&) = delete;

  /// The snapshot.
  const std::string& path() const { return path_; }
  /// Whether it can be read now: a model of Hugging Face in safetensors, with config.json. Others have to be
  /// waited for.
  bool readable() const;
  /// To be called before it is opened, and after that.
  void fetch_headers();
  /// Fetches them once more, which no hash checks yet; whether one of them is another now.
  bool renew_headers();
  void begin_reading() { opening_ = false; }
  /// Nobody watches any more; it is cancelled as before.
  void unwatch();
  /// Returns when all of it is in the cache under its names. Throws what `download` throws.
  void wait();
  /// The hash of a file of weights, of which `path` is the place; nothing for other files. It is that of what
  /// will have come, however often it has to.
  std::optional<std::string> etag_of(const std::string& path) const;
  /// Bytes that are not there yet.
  std::uint64_t left() const;

  bool has(const std::string& name) const override;
  std::string place(const std::string& name) const override { return (fs::path(path_) / name).string(); }
  std::shared_ptr<const ByteSource> bytes(const std::string& name) const override;

 private:
  friend ArrivingBytes;
  struct Arrival {
    std::uint64_t bytes = 0;  ///< from the front
    int renewed = 0;          ///< how often they were wrong and came again
    bool whole = false;       ///< and right
  };

  void run(const Callbacks& callbacks);
  void set_weights(const std::string& snapshot, const RepoFiles& weights);
  void set_size(const RepoFile& file, std::uint64_t bytes);
  void set_whole(const RepoFile& file);
  /// Waits for the first bytes of a file. Throws why they do not come.
  Arrival arrived(const std::string& name, std::uint64_t bytes) const;
  /// Whether bytes that could not be read were cut off because the file's hash was wrong: waits for whoever
  /// has just cut them off to say so.
  bool renewed(const std::string& name, int before) const;
  Arrival now(const std::string& name) const;
  bool opening() const { return opening_; }

  std::shared_ptr<Hub> hub_;
  RepoId id_;
  RepoCache cache_;
  std::string path_;
  std::map<std::string, std::unique_ptr<ArrivingBytes>> files_;
  std::atomic<bool> opening_ = true, stop_ = false;
  mutable std::mutex mutex_;  ///< of all below
  mutable std::condition_variable changed_;
  std::function<void(const Progress&)> watcher_;
  std::map<std::string, Arrival> arrivals_;
  bool begun_ = false, ended_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace mhub
