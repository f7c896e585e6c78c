// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mhub/mapping/box.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// What elements of a tensor are for, where one tensor holds several things.
enum class Role : std::uint8_t {
  whole,  ///< all that the tensor is for
  query,
  key,
  value,
  output_gate,  ///< of attention's output, a gate a query head
  gate,
  up,
  z,  ///< of Mamba's in_proj: the gate, then the state space's input, B, C and time steps
  x,
  B,
  C,
  dt,
  beta,  ///< of a gated delta net's in_proj
  alpha,
};
/// "query", "dt"
std::string_view name_of(Role role);

/// How Megatron spreads a global tensor over tensor-parallel ranks: not at all (every rank has a copy), or
/// along one axis that consists of segments, each of which is cut into TP equal parts on its own.
/// Column-parallel is axis 0 with one segment, gate/up is two, Mamba's in_proj five; row-parallel is axis 1.
struct Partition {
  /// Some indices of each unit of a segment, in a row, that have one role.
  struct Slice {
    Role role = Role::whole;
    std::int64_t length = 0;
    bool operator==(const Slice&) const = default;
  };
  struct Segment {
    // Implicit: most segments are a length and nothing else.
    Segment(std::int64_t length_, Role role_ = Role::whole, std::int64_t unit_ = 1)  // NOLINT
        : length(length_), unit(unit_), role(role_) {}

    std::int64_t length;        ///< along the axis
    std::int64_t unit;          ///< a rank's part must be a multiple of this (a query group, a head)
    Role role;                  ///< of all of it; Role::whole, too, where its units are interleaved
    std::vector<Slice> slices;  ///< what each unit consists of, where that is several things (linear_qkv)
    bool operator==(const Segment&) const = default;
  };

  int axis = -1;                  ///< -1: replicated
  std::vector<Segment> segments;  ///< their lengths sum to the axis' size
  bool vocabulary = false;        ///< axis 0 counts tokens and may be padded in a stored checkpoint

  bool replicated() const { return axis < 0; }
  bool operator==(const Partition&) const = default;
};

/// The elements of a tensor that have one role, as a dense tensor of their own.
struct RolePart {
  Role role = Role::whole;
  Shape shape;
  Box box;  ///< the tensor's elements -> the part's
};
/// The parts of a tensor that is fused of several (linear_qkv, linear_fc1 with a gate, in_proj), in the order
/// in which they come first; none for a tensor that is one thing.
std::vector<RolePart> role_parts(const Shape& shape, const Partition& partition);

}  // namespace mhub
