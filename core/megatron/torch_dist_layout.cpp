// SPDX-License-Identifier: Apache-2.0

#include "mhub/megatron/layout.hpp"

namespace mhub {
namespace {

/// A part of a canonical tensor that is stored under one key: [begin, begin + length) along its split axis.
struct Piece {
  std::string suffix;
  std::int64_t begin = 0, length = 0;
};

std::vector<Piece> pieces_of(const CanonicalTensor& tensor, const TorchDistKeys& keys) {
  const Partition& partition = tensor.partition;
  std::vector<Piece> pieces;
  std::int64_t begin = 0;
  for (const Partition::Segment& segment : partition.segments) {
    if (std::string suffix = segment_suffix(segment.role, keys); !suffix.empty())
      pieces.push_back({std::move(suffix), begin, segment.length});
    begin += segment.length;
  }
  if (pieces.empty()) pieces.push_back({"", 0, begin});
  return pieces;
}

class Builder {
 public:
  Builder(const LayoutRequest& request, const std::vector<CanonicalTensor>& canonical)
      : request_(request), ranks_(stage_ranks(request.sizes)), counts_(canonical) {}

  void add(std::size_t source, const CanonicalTensor& canonical) {
    layout_.map.source.push_back({canonical.name, canonical.shape});
    if (!canonical.partition.vocabulary) return add_pieces(source, canonical, canonical.shape);
    add_pieces(source, padded(canonical, request_.padded_vocab_size), canonical.shape);
  }
  Layout take() { return std::move(layout_); }

 private:
  void add_pieces(std::size_t source, const CanonicalTensor& tensor, const Shape& canonical) {
    const TorchDistPlace place = torch_dist_place(tensor.identity, request_, counts_);
    for (const Piece& piece : pieces_of(tensor, request_.keys))
      add_piece(source, tensor, canonical, place, piece);
  }

  void add_piece(std::size_t source, const CanonicalTensor& tensor, const Shape& canonical,
                 const TorchDistPlace& place, const Piece& piece) {
    Shape part = tensor.shape;
    if (!tensor.partition.replicated()) part[static_cast<std::size_t>(tensor.partition.axis)] = piece.length;
    Shape stored = place.count;
    stored.insert(stored.end(), part.begin(), part.end());
    const std::size_t at = destination(place.key + piece.suffix, stored);
    std::int64_t slot = 0;
    for (std::size_t k = 0; k < place.index.size(); ++k) slot = slot * place.count[k] + place.index[k];
    std::vector<Term>& terms = layout_.map.terms[at];
    const std::int64_t begin = slot * numel(part);
    if (piece.suffix.empty()) {
      terms.push_back({source, run_box(0, begin, numel(canonical))});
      if (numel(part) > numel(canonical))
        terms.push_back(zero_term(begin + numel(canonical), begin + numel(part)));
    } else {
      const auto axis = static_cast<std::size_t>(tensor.partition.axis);
      Box box = zip(View(canonical).slice(axis, piece.begin, piece.length), View(part));
      box.destination_offset += begin;
      terms.push_back({source, std::move(box)});
    }
    add_chunks(tensor, place, piece, layout_.tensors[at]);
  }

  /// The chunks that ranks write of one piece.
  void add_chunks(const CanonicalTensor& tensor, const TorchDistPlace& place, const Piece& piece,
                  SinkTensor& sink) {
    const auto stage = static_cast<std::size_t>(request_.split.place_of(tensor.identity).stage);
    const std::size_t lead = place.index.size();
    auto chunk = [&](const AxisRange& range, std::size_t rank) {
      SinkChunk one{Index(sink.shape.size(), 0), sink.shape, static_cast<int>(stage * ranks_.size() + rank)};
      for (std::size_t k = 0; k < lead; ++k) {
        one.offset[k] = place.index[k];
        one.shape[k] = 1;
      }
      if (!tensor.partition.replicated()) {
        const std::size_t axis = lead + static_cast<std::size_t>(tensor.partition.axis);
        one.offset[axis] = range.global - piece.begin;
        one.shape[axis] = range.length;
      }
      sink.chunks.push_back(std::move(one));
    };
    const std::int64_t experts = tensor.identity.of_expert() ? counts_.experts(tensor.identity) : 0;
    for (const Shard& shard : shards_of(tensor, ranks_, request_.sizes, experts)) {
      if (shard.again) continue;
      if (tensor.partition.replicated()) chunk({}, shard.rank);
      for (const AxisRange& range : shard.ranges) {
        if (range.global >= piece.begin && range.global < piece.begin + piece.length)
          chunk(range, shard.rank);
      }
    }
  }

  std::size_t destination(const std::string& key, const Shape& shape) {
    const auto [at, fresh] = positions_.emplace(key, layout_.tensors.size());
    if (fresh) {
      layout_.map.destination.push_back({key, shape});
      layout_.map.terms.emplace_back();
      layout_.tensors.push_back({key, DType::f32, shape, {}});
    }
    return at->second;
  }

  const LayoutRequest& request_;
  std::vector<RankPlace> ranks_;
  ModelCounts counts_;
  Layout layout_;
  std::unordered_map<std::string, std::size_t> positions_;
};

}  // namespace

Layout torch_dist_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  Builder builder(request, canonical);
  for (std::size_t c = 0; c < canonical.size(); ++c) builder.add(c, canonical[c]);
  return builder.take();
}

}  // namespace mhub
