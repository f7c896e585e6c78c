// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "mhub/store/pickle/value.hpp"

namespace mhub {

/// The plain values of a pickled dict or of an instance's state (argparse.Namespace): numbers, strings,
/// lists, tuples and dicts of those, numpy's among them, by name. Everything else (classes, tensors,
/// enumerations) is an object that says what it was, {"python": "an object of ..."}; whatever lies deeper
/// than a few levels is left out; a global of torch's types becomes its name ("torch bfloat16").
nlohmann::json plain_json(const PickleNode& node);

/// The tree that pickles a JSON value: null, bool, int, float, str, list, dict.
const PickleNode* pickle_of(PickleArena& arena, const nlohmann::json& value);

}  // namespace mhub
