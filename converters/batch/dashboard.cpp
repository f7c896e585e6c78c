// SPDX-License-Identifier: Apache-2.0
#include "dashboard.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

#include "converters/terminal.hpp"
#include "mhub/base/disk_space.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kMostSamples = 2000;
constexpr std::size_t kBar = 24, kLongestName = 28;
constexpr double kRedraw = 0.1, kLines = 10;

std::size_t terminal_width() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
  return known ? size.ws_col : 80;
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBar));
  return "[" + std::string(full, '#') + std::string(kBar - full, ' ') + "]";
}

std::string percent(double share) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%3.0f%%", share * 100);
  return text.data();
}

}  // namespace

Dashboard::Dashboard(const Recipe& recipe, std::size_t count, bool silent)
    : recipe_(recipe), count_(count), silent_(silent), terminal_(::isatty(STDERR_FILENO) != 0) {
  for (const RecipeEntry& entry : recipe.entries) name_width_ = std::max(name_width_, entry.name.size());
  name_width_ = std::min(name_width_, kLongestName);
  samples_.push_back({now_seconds(), 0});
}

Dashboard::~Dashboard() {
  const std::lock_guard lock(mutex_);
  erase();
}

void Dashboard::begin(std::size_t entry) {
  const std::lock_guard lock(mutex_);
  running_[entry] = {"begins", 0, 0, now_seconds()};
  draw(now_seconds());
}

void Dashboard::progress(std::size_t entry, const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(entry);
  if (found == running_.end()) return;
  Running& one = found->second;
  const double now = now_seconds();
  if (one.stage != progress.stage) {
    if (!terminal_ && one.stage == "begins") line(entry, "begins");
    one = {std::string(progress.stage), 0, 0, now};
  }
  // Threads may come here in another order than they counted in.
  const std::uint64_t more = progress.done > one.done ? progress.done - one.done : 0;
  one.done += more;
  one.total = progress.total;
  if (one.stage == "converting") converted_ += more;
  sample(now, false);
  if (now - drawn_ >= (terminal_ ? kRedraw : kLines)) draw(now);
}

void Dashboard::say(std::size_t entry, const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  line(entry, sentence);
  draw(now_seconds());
}

void Dashboard::end(std::size_t entry, const EntryOutcome& outcome) {
  const std::lock_guard lock(mutex_);
  running_.erase(entry);
  ++ended_;
  if (!outcome.good()) ++bad_;
  sample(now_seconds(), true);
  line(entry, summary_line(outcome));
  draw(now_seconds());
}

std::vector<ThroughputSample> Dashboard::samples() const {
  const std::lock_guard lock(mutex_);
  return samples_;
}

void Dashboard::sample(double now, bool always) {
  if (!always && now - samples_.back().time < interval_) return;
  samples_.push_back({now, converted_});
  if (samples_.size() < kMostSamples) return;
  for (std::size_t k = 0; 2 * k < samples_.size(); ++k) samples_[k] = samples_[2 * k];
  samples_.resize((samples_.size() + 1) / 2);
  interval_ *= 2;
}

/// A line that stays.
void Dashboard::line(std::size_t entry, const std::string& text) {
  if (silent_) return;
  erase();
  std::fprintf(stderr, "[%zu/%zu] %s: %s\n", ended_, count_, recipe_.entries[entry].name.c_str(),
               printable_text(text).c_str());
}

void Dashboard::erase() {
  if (silent_ || !terminal_ || lines_ == 0) return;
  std::fprintf(stderr, "\r\x1b[%zuA\x1b[J", lines_);
  lines_ = 0;
}

void Dashboard::draw(double now) {
  drawn_ = now;
  if (silent_) return;
  if (!terminal_) return print_lines(now);
  erase();
  const std::size_t width = terminal_width() - 1;
  std::string text;
  for (const auto& [entry, one] : running_) {
    text += bar_of(recipe_.entries[entry].name, one, now).substr(0, width) + "\n";
    ++lines_;
  }
  if (count_ > 1 && ended_ < count_) {
    text += total_bar().substr(0, width) + "\n";
    ++lines_;
  }
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

void Dashboard::print_lines(double now) {
  for (const auto& [entry, one] : running_) {
    if (one.total > 0 && now - one.started >= kLines)
      std::fprintf(stderr, "%s\n", bar_of(recipe_.entries[entry].name, one, now).c_str());
  }
}

std::string Dashboard::bar_of(const std::string& name, const Running& one, double now) const {
  std::string text = name.substr(0, name_width_);
  text.resize(name_width_, ' ');
  const double share = one.total == 0 ? 0 : static_cast<double>(one.done) / static_cast<double>(one.total);
  text += " " + bar(share) + " " + (one.total == 0 ? "    " : percent(share)) + " " + one.stage;
  const double seconds = now - one.started;
  if (one.total > 0 && seconds > 0.5)
    text += "  " + human_bytes(static_cast<std::uint64_t>(static_cast<double>(one.done) / seconds)) + "/s";
  return text;
}

std::string Dashboard::total_bar() const {
  // What runs counts by its own share of the way.
  double sum = static_cast<double>(ended_);
  for (const auto& [entry, one] : running_)
    sum += one.total == 0 ? 0 : 0.9 * static_cast<double>(one.done) / static_cast<double>(one.total);
  std::string text = "all";
  text.resize(std::max<std::size_t>(name_width_, 3), ' ');
  const double share = sum / static_cast<double>(count_);
  text += " " + bar(share) + " " + percent(share) + " " + std::to_string(ended_) + " of " +
          std::to_string(count_) + ", " + human_bytes(converted_);
  return bad_ == 0 ? text : text + ", " + std::to_string(bad_) + " failed";
}

}  // namespace mhub::converters
