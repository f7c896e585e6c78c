// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "mhub/base/progress.hpp"
#include "outcome.hpp"

namespace mhub::converters {

/// Bytes converted in all, at a moment.
struct ThroughputSample {
  double time = 0;  ///< seconds since 1970
  std::uint64_t bytes = 0;
};

/// Shows on stderr how far a recipe is: on a terminal a bar for each running entry and one for all, redrawn;
/// elsewhere a line when an entry begins and ends, and one every ten seconds meanwhile. Keeps the samples of
/// the throughput for the report. Thread-safe.
class Dashboard {
 public:
  /// `count` entries will end. A silent one only keeps samples.
  Dashboard(const Recipe& recipe, std::size_t count, bool silent);
  /// Takes the bars away.
  ~Dashboard();
  Dashboard(const Dashboard&) = delete;
  Dashboard& operator=(const Dashboard&) = delete;

  void begin(std::size_t entry);
  void progress(std::size_t entry, const Progress& progress);
  void say(std::size_t entry, const std::string& sentence);
  void end(std::size_t entry, const EntryOutcome& outcome);

  std::vector<ThroughputSample> samples() const;

 private:
  struct Running {
    std::string stage;
    std::uint64_t done = 0, total = 0;
    double started = 0;  ///< the stage
  };
  void sample(double now, bool always);
  void line(std::size_t entry, const std::string& text);
  void erase();
  void draw(double now);
  void print_lines(double now);
  std::string bar_of(const std::string& name, const Running& one, double now) const;
  std::string total_bar() const;

  const Recipe& recipe_;
  std::size_t count_, ended_ = 0, bad_ = 0, name_width_ = 0;
  bool silent_, terminal_;
  mutable std::mutex mutex_;
  std::map<std::size_t, Running> running_;
  std::uint64_t converted_ = 0;
  std::vector<ThroughputSample> samples_;
  double interval_ = 0.25;  ///< between samples; doubled whenever there are too many
  double drawn_ = 0;
  std::size_t lines_ = 0;  ///< on the screen below what stays
};

}  // namespace mhub::converters
