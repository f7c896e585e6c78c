// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/pipeline_split.hpp"

#include <algorithm>
#include <charconv>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

using Counts = std::vector<std::vector<std::int64_t>>;

[[noreturn]] void indivisible(std::int64_t layers, std::int64_t parts, const std::string& what) {
  throw InputError(std::to_string(layers) + " layers cannot be split into " + std::to_string(parts) +
                   " equal " + what + "; choose sizes that divide them, or --pp-layout");
}

/// The same number of layers in each chunk of every stage, as the counts per stage allow.
Counts into_chunks(const std::vector<std::int64_t>& stages, int chunks) {
  Counts counts;
  for (const std::int64_t layers : stages) {
    if (layers % chunks != 0) indivisible(layers, chunks, "model chunks (VPP)");
    counts.emplace_back(chunks, layers / chunks);
  }
  return counts;
}

Counts uneven(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options) {
  std::int64_t middle = layers, middle_stages = sizes.pipeline;
  for (const auto& edge : {options.first_stage_layers, options.last_stage_layers}) {
    if (!edge) continue;
    middle -= *edge;
    --middle_stages;
  }
  // Stages in the middle have layers, and layers in the middle have stages (transformer_config.py).
  if (middle < 0 || middle_stages < 0 || (middle_stages == 0) != (middle == 0))
    throw InputError("the first and last stage's layers do not add up with " + std::to_string(layers) +
                     " layers: " + std::to_string(middle) + " are left for " + std::to_string(middle_stages) +
                     " other pipeline stages");
  if (middle_stages > 0 && middle % middle_stages != 0)
    indivisible(middle, middle_stages, "middle pipeline stages");
  std::vector<std::int64_t> stages(static_cast<std::size_t>(sizes.pipeline),
                                   middle_stages > 0 ? middle / middle_stages : 0);
  if (options.first_stage_layers) stages.front() = *options.first_stage_layers;
  if (options.last_stage_layers) stages.back() = *options.last_stage_layers;
  return into_chunks(stages, sizes.virtual_pipeline);
}

Counts even(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options) {
  const std::int64_t slots =
      layers + (options.account_for_embedding ? 1 : 0) + (options.account_for_loss ? 1 : 0);
  if (slots % sizes.pipeline != 0) indivisible(slots, sizes.pipeline, "pipeline stages (PP)");
  Counts counts =
      into_chunks(std::vector<std::int64_t>(static_cast<std::size_t>(sizes.pipeline), slots / sizes.pipeline),
                  sizes.virtual_pipeline);
  if (options.account_for_embedding) --counts.front().front();
  if (options.account_for_loss) --counts.back().back();
  if (counts.front().front() < 0 || counts.back().back() < 0)
    throw InputError("too few layers for embedding and loss to count as layers of the pipeline split");
  return counts;
}

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

/// A layout string's layers; moves `mtp_stage` where it places multi-token-prediction blocks elsewhere.
/// Parts, separated by `|`, are in order through chunk 0 of every stage, then chunk 1, ...; `E` embedding,
/// `t` decoder layer, `m` MTP block, `L` loss; "x*n" and "(...)*n" repeat; commas mean nothing
/// (pipeline_parallel_layer_layout.py). Throws UsageError for what the real parser or validate_layer_layout
/// refuses.
Counts laid_out(const std::string& text, int stages, std::int64_t layers, std::int64_t mtp_layers,
                int& mtp_stage) {
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
  Counts counts(count_stages, std::vector<std::int64_t>(chunks, 0));
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::string& part = parts[k];
    counts[k % count_stages][k / count_stages] = std::count(part.begin(), part.end(), 't');
    if (part.find('m') == std::string::npos) continue;
    if (k / count_stages != chunks - 1 || std::count(part.begin(), part.end(), 'm') != mtp_layers)
      refuse(text, "all MTP blocks must be together in the last chunk of one stage");
    if (flat.rfind('t') > flat.find('m')) refuse(text, "layers must come before MTP blocks");
    mtp_stage = static_cast<int>(k % count_stages);
  }
  return counts;
}

}  // namespace

PipelineSplit::PipelineSplit(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options,
                             std::int64_t mtp_layers) {
  if (layers < 1) throw InputError("a model without layers");
  int mtp_stage = sizes.pipeline - 1;
  const bool edges = options.first_stage_layers || options.last_stage_layers;
  const bool counted = options.account_for_embedding || options.account_for_loss;
  if (!options.layout.empty() && (edges || counted || sizes.virtual_pipeline > 1))
    throw UsageError(
        "--pp-layout places all layers: leave out --vpp, layers of the first or last stage, and embedding or "
        "loss "
        "counted as layers");
  if (!options.layout.empty()) {
    *this = PipelineSplit(laid_out(options.layout, sizes.pipeline, layers, mtp_layers, mtp_stage));
  } else if (edges && counted) {
    throw UsageError(
        "layers of the first or last stage and embedding or loss counted as layers exclude each other");
  } else {
    *this = PipelineSplit(edges ? uneven(layers, sizes, options) : even(layers, sizes, options));
  }
  mtp_.stage = mtp_stage;
  if (mtp_layers > 0) final_norm_ = {places_.back().stage, places_.back().chunk, 0};
}

PipelineSplit::PipelineSplit(Counts counts, std::optional<StagePlace> mtp,
                             std::optional<StagePlace> final_norm)
    : counts_(std::move(counts)), mtp_(mtp.value_or(last())), final_norm_(final_norm.value_or(last())) {
  for (int chunk = 0; chunk < chunks(); ++chunk) {
    for (int stage = 0; stage < stages(); ++stage) {
      const std::int64_t count = counts_[static_cast<std::size_t>(stage)][static_cast<std::size_t>(chunk)];
      for (std::int64_t local = 0; local < count; ++local) places_.push_back({stage, chunk, local});
    }
  }
}

StagePlace PipelineSplit::place_of(const TensorIdentity& identity) const {
  if (!identity.of_decoder()) return {0, 0, std::max<std::int64_t>(0, identity.layer)};
  switch (identity.block) {
    case Block::layer: return place_of_layer(identity.layer);
    case Block::mtp:
    case Block::mtp_layer: return mtp_;
    case Block::decoder: return final_norm_;
    case Block::output: return last();
    default: return {};
  }
}

}  // namespace mhub
