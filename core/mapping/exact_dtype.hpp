// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "mhub/mapping/state_map.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// For a destination tensor whose values change on the way (added_to): the first of `candidates` that holds
/// every element exactly, so that the way back gives the same bits again. bf16 weights of about 1, for
/// example, stay exact in bf16 minus one from 0.5 on, and in f32 from 2^-17 on. Reads the tensor. Throws
/// InputError that names the tensor, the element and its value when no candidate does.
DType exact_dtype(const StateMap& map, std::size_t destination,
                  const std::vector<const StoredTensor*>& sources, std::span<const DType> candidates);

}  // namespace mhub
