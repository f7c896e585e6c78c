// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/pipeline_layout.hpp"

#include <algorithm>
#include <charconv>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

constexpr std::size_t kLongest = 1 << 20;

[[noreturn]] void refuse(const std::string& text, const std::string& problem) {
  throw UsageError("pipeline layout \"" + text + "\": " + problem);
}

/// The count behind a `*` at `at`; `at` moves behind it. 1 where there is none.
std::size_t repetitions(const std::string& text, std::size_t& at, const std::string& whole) {
  if (at >= text.size() || text[at] != '*') return 1;
  std::size_t count = 0;
  const char* begin = text.data() + at + 1;
  const auto parsed = std::from_chars(begin, text.data() + text.size(), count);
  if (parsed.ec != std::errc() || parsed.ptr == begin || count > kLongest)
    refuse(whole, "expected a number behind *");
  at = static_cast<std::size_t>(parsed.ptr - text.data());
  return count;
}

void append(std::string& out, const std::string& part, std::size_t count, const std::string& whole) {
  if (!part.empty() && count > kLongest / part.size()) refuse(whole, "it is too long");
  for (std::size_t k = 0; k < count; ++k) out += part;
  if (out.size() > kLongest) refuse(whole, "it is too long");
}

/// Writes out repetitions: first those of parenthesised groups, then those of single symbols.
std::string unrolled(std::string text, const std::string& whole) {
  text.erase(std::remove(text.begin(), text.end(), ','), text.end());
  std::string flat;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '(') {
      flat += text[at++];
      continue;
    }
    const std::size_t close = text.find(')', at);
    if (close == std::string::npos) refuse(whole, "a parenthesis is not closed");
    const std::string group = text.substr(at + 1, close - at - 1);
    at = close + 1;
    append(flat, group, repetitions(text, at, whole), whole);
  }
  std::string out;
  for (std::size_t at = 0; at < flat.size();) {
    const std::string symbol(1, flat[at++]);
    append(out, symbol, repetitions(flat, at, whole), whole);
  }
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == '|') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

PipelineLayout parse_pipeline_layout(const std::string& text, int stages, std::int64_t layers,
                                     std::int64_t mtp_layers) {
  const std::string flat = unrolled(text, text);
  if (flat.find_first_not_of("EtmL|") != std::string::npos) refuse(text, "symbols are E, t, m, L and |");
  const std::vector<std::string> parts = split(flat);
  const auto count_stages = static_cast<std::size_t>(stages);
  if (parts.size() % count_stages != 0)
    refuse(text, std::to_string(parts.size()) + " parts cannot be dealt to PP=" + std::to_string(stages));
  auto count = [&](char symbol) { return std::count(flat.begin(), flat.end(), symbol); };
  if (count('E') != 1 || parts.front().empty() || parts.front().front() != 'E')
    refuse(text, "it must begin with its one E");
  if (count('L') != 1 || parts.back().empty() || parts.back().back() != 'L')
    refuse(text, "it must end with its one L");
  if (count('t') != layers)
    refuse(text,
           "it places " + std::to_string(count('t')) + " layers, the model has " + std::to_string(layers));
  if (count('m') != mtp_layers)
    refuse(text, "it places " + std::to_string(count('m')) + " MTP blocks, the model has " +
                     std::to_string(mtp_layers));
  const std::size_t chunks = parts.size() / count_stages;
  PipelineLayout layout;
  layout.layers.assign(count_stages, std::vector<std::int64_t>(chunks, 0));
  layout.mtp_stage = stages - 1;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::string& part = parts[k];
    layout.layers[k % count_stages][k / count_stages] = std::count(part.begin(), part.end(), 't');
    if (part.find('m') == std::string::npos) continue;
    if (k / count_stages != chunks - 1 || std::count(part.begin(), part.end(), 'm') != mtp_layers)
      refuse(text, "all MTP blocks must be together in the last chunk of one stage");
    if (flat.rfind('t') > flat.find('m')) refuse(text, "layers must come before MTP blocks");
    layout.mtp_stage = static_cast<int>(k % count_stages);
  }
  return layout;
}

}  // namespace mhub
