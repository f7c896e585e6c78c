// SPDX-License-Identifier: Apache-2.0
// HybridModel's layers in Megatron's terms (megatron/core/models/hybrid/hybrid_layer_allocation.py).
#include <sstream>

#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

constexpr const char *kPattern = "hybrid_layer_pattern", *kOfBlocks = "mtp_hybrid_override_pattern";
constexpr char kBlock = '/';

/// parse_hybrid_pattern: "MEM*/ *E/ *E" has two blocks, which must be alike. Megatron-Bridge's provider, and
/// Megatron-LM before it put them together, state their pattern on its own.
void read_pattern(const FieldBinding& f, TransformerConfig& c) {
  std::istringstream parts(f.reader().string(kPattern, ""));
  std::getline(parts, c.hybrid_layer_pattern, kBlock);
  std::int64_t blocks = 0;
  for (std::string part; std::getline(parts, part, kBlock); ++blocks) {
    if (blocks > 0 && part != c.mtp_hybrid_layer_pattern)
      f.reader().fail(kPattern, "expected the same layers in every prediction block, found \"" +
                                    c.mtp_hybrid_layer_pattern + "\" and \"" + part + "\"");
    c.mtp_hybrid_layer_pattern = part;
  }
  if (blocks > 0) c.mtp_num_layers = blocks;
  if (blocks == 0 && !c.hybrid_layer_pattern.empty())
    c.mtp_hybrid_layer_pattern = f.reader().string(kOfBlocks, "");
}

}  // namespace

void bind_hybrid_pattern(FieldBinding& f, TransformerConfig& c, Dialect) {
  if (f.reading()) return read_pattern(f, c);
  std::string text = c.hybrid_layer_pattern;
  for (std::int64_t k = 0; k < c.mtp_num_layers && !c.mtp_hybrid_layer_pattern.empty(); ++k)
    text += kBlock + c.mtp_hybrid_layer_pattern;
  if (!text.empty()) f.constant(kPattern, text);
}

}  // namespace mhub
