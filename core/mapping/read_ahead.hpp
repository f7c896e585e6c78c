// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "mhub/mapping/work_order.hpp"

namespace mhub {

/// Makes the windows of chunks in their order, a few ahead of the one that is asked for, in a thread of its
/// own: for a sink that takes one after another, so that reading does not wait for writing.
class ReadAhead {
 public:
  struct Window {
    std::size_t chunk = 0;  ///< its number in the plan
    std::int64_t begin = 0, count = 0;
    std::vector<std::byte> bytes;
    CastLosses losses;  ///< of these elements
  };

  /// Borrows the plan. Units have one chunk each; a chunk without elements has one window.
  ReadAhead(const CopyPlan& plan, std::vector<WorkUnit> units);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();

  /// The next one, valid until the next call; nullptr behind the last. Rethrows what stopped the reading.
  Window* next();

 private:
  static constexpr std::size_t kWindows = 4;

  void read_all();
  /// False once nobody wants it.
  bool read_chunk(std::size_t chunk, std::int64_t step, WindowReader& reader);
  /// The place of the next window to be made; nullptr once nobody wants it.
  Window* room();

  const CopyPlan& plan_;
  const std::vector<WorkUnit> units_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Window, kWindows> windows_;
  std::size_t made_ = 0, taken_ = 0;  ///< windows since the beginning
  bool held_ = false;                 ///< by the caller: the one behind those that are taken
  bool ended_ = false, unwanted_ = false;
  std::exception_ptr failure_;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace mhub
