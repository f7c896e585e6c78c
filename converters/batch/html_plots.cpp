// SPDX-License-Identifier: Apache-2.0
#include "html_plots.hpp"

#include <algorithm>

#include "html_text.hpp"
#include "mhub/base/disk_space.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kMostRows = 200;
constexpr std::size_t kPoints = 240;
constexpr int kTicks = 4;

/// A share of the whole as SVG's coordinates have it, 0 to 1000.
std::string x_of(double share) { return number_text(std::clamp(share, 0.0, 1.0) * 1000, 2); }

std::string axis(double seconds) {
  std::string out = "<div class=\"axis\">";
  for (int k = 0; k <= kTicks; ++k)
    out += "<span style=\"left:" + std::to_string(100 * k / kTicks) + "%\">" +
           html_text(duration_text(seconds * k / kTicks)) + "</span>";
  return out + "</div>\n";
}

std::string grid(int height) {
  std::string out;
  for (int k = 1; k < kTicks; ++k) {
    const std::string x = x_of(static_cast<double>(k) / kTicks);
    out += "<line class=\"grid\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"0\" y2=\"" + std::to_string(height) +
           "\"/>";
  }
  return out;
}

/// Where an SVG is as wide as the page and as high as it is told, its lines are not.
std::string svg(const std::string& what, int height, const std::string& title) {
  return "<svg viewBox=\"0 0 1000 " + std::to_string(height) +
         "\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" + html_text(title) + "\">" + what +
         "</svg>";
}

std::string row(const EntryOutcome& outcome, double start, double length) {
  constexpr int kHeight = 20;
  // The entry itself, waiting and all, behind its steps.
  const auto bar = [&](double from, double to, const std::string& css, const std::string& title) {
    const double begin = (from - start) / length;
    // What took no time to speak of is seen, too.
    const double width = std::max(0.003, (to - from) / length);
    return "<rect class=\"" + css + "\" x=\"" + x_of(std::min(begin, 0.997)) + "\" width=\"" + x_of(width) +
           "\" y=\"" + (css == "span" ? "8\" height=\"4" : "2\" height=\"16") + "\"><title>" +
           html_text(title) + "</title></rect>";
  };
  std::string bars = grid(kHeight) + bar(outcome.started, outcome.ended, "span", outcome.name);
  for (const StepOutcome& step : outcome.steps) {
    if (step.done_before) continue;
    bars += bar(step.started, step.started + step.seconds, "step-" + step.step,
                step.step + ", " + duration_text(step.seconds));
  }
  if (outcome.status == EntryStatus::failed) {
    const double width = 0.006 * length;
    bars += bar(outcome.ended - width, outcome.ended, "step-failed", outcome.failure.message);
  }
  return "<div class=\"row\"><span class=\"label\">" + html_text(outcome.name) + "</span>" +
         svg(bars, kHeight, outcome.name) + "</div>\n";
}

/// Bytes a second in each of the plot's columns: what was converted between two samples, spread evenly.
std::vector<double> columns_of(const std::vector<ThroughputSample>& samples, double start, double length) {
  std::vector<double> columns(kPoints);
  const double width = length / kPoints;
  for (std::size_t k = 1; k < samples.size(); ++k) {
    const ThroughputSample &a = samples[k - 1], &b = samples[k];
    if (b.bytes <= a.bytes) continue;
    const double from = a.time - start, to = std::max(b.time - start, from + width / 100);
    const double rate = static_cast<double>(b.bytes - a.bytes) / (to - from);
    const auto first = static_cast<std::size_t>(std::clamp(from / width, 0.0, kPoints - 1.0));
    const auto last = static_cast<std::size_t>(std::clamp(to / width, 0.0, kPoints - 1.0));
    for (std::size_t c = first; c <= last; ++c) {
      const double begin = static_cast<double>(c) * width;
      columns[c] += rate * std::max(0.0, std::min(to, begin + width) - std::max(from, begin)) / width;
    }
  }
  return columns;
}

}  // namespace

std::string timeline_plot(const BatchOutcome& batch) {
  std::vector<const EntryOutcome*> ran;
  for (const EntryOutcome& one : batch.entries) {
    const bool worked = one.status != EntryStatus::up_to_date && one.status != EntryStatus::not_run;
    if (worked) ran.push_back(&one);
  }
  if (ran.empty()) return {};
  std::sort(ran.begin(), ran.end(),
            [](const EntryOutcome* a, const EntryOutcome* b) { return a->started < b->started; });
  const double length = std::max(1e-3, batch.ended - batch.started);
  std::string out = "<section><h2>Timeline</h2>\n<p class=\"legend\">";
  for (const char* step : {"download", "convert", "verify", "generate", "logits", "upload", "failed"}) {
    const bool used = std::any_of(ran.begin(), ran.end(), [&](const EntryOutcome* one) {
      const StepOutcome* done = one->find(step);
      return (done != nullptr && !done->done_before) ||
             (one->status == EntryStatus::failed && std::string_view(step) == "failed");
    });
    if (used) out += std::string("<span><i class=\"key step-") + step + "\"></i>" + step + "</span>";
  }
  out += "</p>\n<div class=\"timeline\">\n";
  for (std::size_t k = 0; k < std::min(kMostRows, ran.size()); ++k)
    out += row(*ran[k], batch.started, length);
  out += "<div class=\"row\"><span class=\"label\"></span>" + axis(length) + "</div></div>\n";
  if (ran.size() > kMostRows)
    out += "<p>and " + std::to_string(ran.size() - kMostRows) + " more, which are in the table</p>\n";
  return out + "</section>\n";
}

std::string throughput_plot(const BatchOutcome& batch, const std::vector<ThroughputSample>& samples) {
  constexpr int kHeight = 120;
  if (samples.empty() || samples.back().bytes == 0) return {};
  const double length = std::max(1e-3, batch.ended - batch.started);
  const std::vector<double> columns = columns_of(samples, batch.started, length);
  const double most = *std::max_element(columns.begin(), columns.end());
  if (!(most > 0)) return {};
  std::string line = "M0 " + std::to_string(kHeight);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::string y = number_text(kHeight * (1 - 0.95 * columns[c] / most), 2);
    line += " L" + x_of(static_cast<double>(c) / kPoints) + " " + y + " L" +
            x_of(static_cast<double>(c + 1) / kPoints) + " " + y;
  }
  line += " L1000 " + std::to_string(kHeight) + " Z";
  const auto rate = [](double bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)) + "/s"; };
  return "<section><h2>Throughput</h2>\n<p>converted bytes a second, " + html_text(rate(most)) +
         " at most</p>\n<div class=\"plot\">" +
         svg(grid(kHeight) + "<path class=\"area\" d=\"" + line + "\"/>", kHeight,
             "converted bytes a second") +
         axis(length) + "</div></section>\n";
}

}  // namespace mhub::converters
