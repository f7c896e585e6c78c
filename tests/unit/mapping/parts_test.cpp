// SPDX-License-Identifier: Apache-2.0
// Maps taken apart into what belongs together.
#include <map>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/state_map.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(parts)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Two layers, the head stacked with nothing, and padding in the layout's vocabulary.
ExpandedMapping small_model() {
  Mapping map;
  map.index("i", 2);
  map.rule("embedding.word_embeddings.weight", vocabulary("embed", {5, 2}));
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.weight", qkv("l.{i}.{q,k,v}", {4, 2, 2}, {2}));
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.bias", qkv("l.{i}.{q,k,v}_bias", {4, 2, 2}, {}));
  map.rule("decoder.layers.{i}.mlp.linear_fc1.weight", gated("l.{i}.{gate,up}", 4, {2}));
  return expand(map);
}

}  // namespace

BOOST_AUTO_TEST_CASE(parts_together_are_the_map) {
  const ExpandedMapping mapping = small_model();
  LayoutRequest request({.tensor = 2}, PipelineSplit(2, {.tensor = 2}, {}));
  request.padded_vocab_size = 8;
  for (const StateMap& map :
       {mapping.import, compose(mapping.import, torch_layout(mapping.canonical, request).map, "test")}) {
    const Values values = numbered_values(map.source), whole = applied(map, values);
    std::map<std::string, std::vector<std::int64_t>> given, made;
    for (std::size_t k = 0; k < map.source.size(); ++k) given[map.source[k].name] = values[k];
    std::size_t sources = 0, dropped = 0;
    for (const StateMap& part : independent_parts(map)) {
      check_destination_coverage(part, "part");
      check_source_coverage(part, "part");
      Values of_part;
      for (const StateTensor& tensor : part.source) of_part.push_back(given.at(tensor.name));
      const Values result = applied(part, of_part);
      for (std::size_t k = 0; k < result.size(); ++k) made[part.destination[k].name] = result[k];
      sources += part.source.size();
      dropped += part.dropped.size();
    }
    BOOST_TEST(sources == map.source.size());
    BOOST_TEST(dropped == map.dropped.size());
    BOOST_REQUIRE(made.size() == map.destination.size());
    for (std::size_t k = 0; k < whole.size(); ++k)
      BOOST_TEST((made.at(map.destination[k].name) == whole[k]), map.destination[k].name);
  }
}

BOOST_AUTO_TEST_CASE(layers_have_one_structure) {
  const std::vector<StateMap> all = independent_parts(small_model().import);
  BOOST_TEST(all.size() == 1u + 2 * 3);
  std::set<std::string> structures;
  for (const StateMap& part : all) structures.insert(structure_of(part));
  BOOST_TEST(structures.size() == 1u + 3);
  StateMap changed = all.back();
  changed.terms[0][0].added = 1;
  BOOST_TEST(structure_of(changed) != structure_of(all.back()));
}

BOOST_AUTO_TEST_SUITE_END()
