// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "mhub/mapping/box.hpp"

namespace mhub {

/// A tensor of a state, by name and shape alone.
struct StateTensor {
  std::string name;
  Shape shape;
};

/// Some elements of a source tensor and which elements of a destination tensor they are.
struct Term {
  /// The value of `source` for elements that no source has: they are zero (padding). Zeros are numbered like
  /// the elements of any tensor, so that a box of them is like any other.
  static constexpr std::size_t kZero = std::numeric_limits<std::size_t>::max();

  enum class Kind : std::uint8_t {
    move,   ///< each side has the elements once
    copy,   ///< the source has them for a move elsewhere, too
    check,  ///< a copy seen from the other side: the destination has them from a move, these are to be equal
    filler  ///< a copy where nobody looks at it: nothing is compared, and the other side drops it
  };

  std::size_t source = kZero;  ///< index into StateMap::source
  Box box;                     ///< source elements -> destination elements
  double added = 0;            ///< to every element's value on the way; 0 for kZero
  Kind kind = Kind::move;

  bool zero() const { return source == kZero; }
  /// Whether the destination's elements come from here.
  bool writes() const { return kind != Kind::check; }
};

/// A map between two states: for every tensor of the destination state the source elements that it is made
/// of. HF -> canonical (a plugin's mapping), canonical -> stored (a layout) and everything composed of them
/// or inverted are values of this one type.
///
/// A term may also add a constant to the values that it moves (norms that one side stores minus one).
/// Constants sum when maps are composed and change sign when they are inverted; whether the sums are exact is
/// the business of who chooses the element type (plan.hpp).
///
/// Elements travel one to one, with exceptions that are named: padding, which comes from kZero and is
/// `dropped` in the other direction; copies, as replicated tensors have on every rank, which are checks in
/// the other direction; and fillers, copies in the place of padding. Each is a term and turns, composes and
/// is counted as terms are. What was dropped comes back as zeros, fillers too.
struct StateMap {
  std::vector<StateTensor> source;
  std::vector<StateTensor> destination;
  std::vector<std::vector<Term>> terms;  ///< per destination tensor
  std::vector<Term> dropped = {};        ///< source elements that are nowhere in the destination
};

/// What a map adds to every element of a destination tensor. Throws std::logic_error when that differs among
/// its terms.
double added_to(const StateMap& map, std::size_t destination);
/// The same of terms, for a message about the tensor `name`.
double added_to(const std::vector<Term>& terms, const std::string& name);

/// The map of a state to itself.
StateMap identity_map(const std::vector<StateTensor>& tensors);

/// A term of zeros over elements [begin, end) of the destination.
Term zero_term(std::int64_t begin, std::int64_t end);

/// The map in the other direction.
StateMap inverted(const StateMap& map);

/// The source tensors of a map that repeat what others have, and how the destination state makes them.
struct Copies {
  StateMap map;                     ///< destination state of the checked map -> copies
  std::vector<std::size_t> source;  ///< per copy: which source tensor of the checked map it is
};
Copies checked_copies(const StateMap& map);

/// First `first`, then `second`, which is used up; the middle state is matched by name. Throws InputError
/// when `second` reads a tensor that `first` does not make, or one of another shape: `where` says whose fault
/// that is.
StateMap compose(const StateMap& first, StateMap second, const std::string& where);

/// Checks that every destination element is written exactly once. Throws InputError naming the tensor, and
/// what is missing or doubled.
void check_destination_coverage(const StateMap& map, const std::string& where);

/// Checks that every source element is read exactly once or dropped on purpose. Throws InputError likewise.
void check_source_coverage(const StateMap& map, const std::string& where);

/// The smallest maps that a map consists of: tensors are in one part when elements of one go to the other.
/// Tensors keep their order.
std::vector<StateMap> independent_parts(const StateMap& map);

/// All of a map but its tensors' names: two maps with equal structures move their elements alike (an
/// attention of layer 3 and one of layer 4).
std::string structure_of(const StateMap& map);

}  // namespace mhub
