#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "convert.hpp"

namespace mhub::converters {

/// The record of where every byte came from: the source (folder name, revision where it is known, config),
/// the tool and its mapping, and for every chunk of every stored tensor its type, place, XXH3-128 and source
/// tensors. Deterministic: the same conversion gives the same text.
nlohmann::json make_manifest(const Conversion& conversion, const std::vector<std::string>& checksums);

}  // namespace mhub::converters
