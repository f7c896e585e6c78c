// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "mhub/mapping/state_map.hpp"
#include "mhub/store/tensor_sink.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Part of a destination chunk: elements of one place on disk and where they go.
struct CopyTerm {
  const ByteSource* bytes = nullptr;  ///< for padding, endless zeros
  std::uint64_t byte_offset = 0;      ///< of source element 0
  std::size_t source = Term::kZero;   ///< index into CopyPlan::sources, for people
  Box box;                            ///< elements behind byte_offset -> elements of the chunk

  bool zero() const { return source == Term::kZero; }
};

/// Everything needed to make one chunk of a destination tensor, row-major.
struct ChunkPlan {
  std::size_t tensor = 0;  ///< index into CopyPlan::tensors
  std::size_t chunk = 0;   ///< index into its chunks
  std::int64_t elements = 0;
  DType source_dtype = DType::f32;
  DType dtype = DType::f32;
  double added = 0;             ///< to every element's value, before the cast
  std::vector<CopyTerm> terms;  ///< ordered by destination offset
};

/// A state map bound to the bytes of a source and the chunks of a destination: plain data that can be
/// printed, counted and executed.
struct CopyPlan {
  std::vector<const StoredTensor*> sources;  ///< borrowed: the TensorSource must outlive the plan
  std::vector<SinkTensor> tensors;
  std::vector<ChunkPlan> chunks;
  std::vector<std::shared_ptr<const ByteSource>> widened;  ///< what terms of another type are read through
};

/// Binds a map. `sources[k]` is where `map.source[k]` is stored (same shape); `tensors` is parallel to
/// map.destination, with the wanted dtypes. Parts of one destination tensor that have different types are
/// widened to the type that holds all of them (joined_dtype) and joined so. Throws InputError where there is
/// none, or a cast is not possible. Where the map adds something, the given types decide what is
/// rounded: exact_dtype finds one that loses nothing.
CopyPlan compile(const StateMap& map, std::vector<const StoredTensor*> sources,
                 std::vector<SinkTensor> tensors);
/// The same with a map that nobody needs any more: it goes as the plan grows.
CopyPlan compile(StateMap&& map, std::vector<const StoredTensor*> sources, std::vector<SinkTensor> tensors);

/// The type of a destination tensor when nothing is cast: the one that holds all values of the tensors it is
/// made of. Throws InputError when there is none.
DType natural_dtype(const StateMap& map, std::size_t destination,
                    const std::vector<const StoredTensor*>& sources);

/// For every destination tensor, the type that holds all values of those that lie in one tensor of the source
/// with it, by the types that they have of their own; nothing where its own is not known.
std::vector<std::optional<DType>> joined_dtypes(const StateMap& map, std::vector<std::optional<DType>> own);

/// For a destination tensor whose values change on the way (added_to): the first of `candidates` that holds
/// every element exactly, so that the way back gives the same bits again. bf16 weights of about 1, for
/// example, stay exact in bf16 minus one from 0.5 on, and in f32 from 2^-17 on. Reads the tensor. Throws
/// InputError that names the tensor, the element and its value when no candidate does.
DType exact_dtype(const StateMap& map, std::size_t destination,
                  const std::vector<const StoredTensor*>& sources, std::span<const DType> candidates);

/// The tensors that a chunk is made of.
std::set<std::string> source_names(const CopyPlan& plan, const ChunkPlan& chunk);

/// Bytes of a chunk, or of all, on the destination side.
std::uint64_t byte_size(const ChunkPlan& chunk);
std::uint64_t byte_size(const CopyPlan& plan);

}  // namespace mhub
