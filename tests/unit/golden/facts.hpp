// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/tensor/shape.hpp"

namespace mhub::tests {

/// Elements of a rank's tensor from `begin` on that are a rectangle of a global tensor.
struct GoldenPart {
  std::string key;
  std::int64_t begin = 0;
  Index offset;
  Shape shape;
};

struct GoldenTensor {
  Shape shape;
  std::vector<GoldenPart> parts;
};

/// A module's state dict on one rank.
struct GoldenChunk {
  std::map<std::string, GoldenTensor> tensors;
  std::set<std::string> objects;
};

/// What megatron-core holds and asks for at one set of parallel sizes.
struct GoldenLayout {
  std::string options, impl;
  nlohmann::json args;
  std::map<std::string, Shape> keys;                                ///< global tensors
  std::set<std::string> objects;                                    ///< global keys of module objects
  std::map<std::string, std::map<std::string, GoldenChunk>> files;  ///< by rank folder and chunk
};

/// A file of tests/golden/facts.
struct GoldenCase {
  std::string name;
  nlohmann::ordered_json config;            ///< the published config.json
  std::map<std::string, Shape> tensors;     ///< the published tensors
  std::vector<std::string> stated;          ///< arguments that the model's flags set
  std::vector<std::string> needed_flags;    ///< those of them that --use-checkpoint-args does not restore
  std::vector<std::string> restored_flags;  ///< the others
  nlohmann::json args;                      ///< Megatron-LM's; where they differ from GoldenSettings::parser
  nlohmann::json run_config;  ///< Bridge's provider, likewise; null where Bridge does not know the class
  std::map<std::string, std::string> refused;  ///< layouts that megatron-core refuses, and what it says
  std::vector<GoldenLayout> layouts;
};

/// What megatron-core makes of a pipeline layout.
struct GoldenPipeline {
  std::string text;
  int stages = 1;
  std::int64_t layers = 0, blocks = 0;
  nlohmann::json
      places;  ///< [layers by stage and chunk, stage of the prediction blocks or null]; null: refused
};

struct GoldenSettings {
  nlohmann::json parser, provider;
  std::vector<GoldenPipeline> pipelines;
};

std::vector<GoldenCase> golden_cases();
GoldenSettings golden_settings();

/// Writes the published folder of a case; all elements of all tensors differ, but for those of copies.
void write_published(const GoldenCase& golden, const std::string& folder);

}  // namespace mhub::tests
