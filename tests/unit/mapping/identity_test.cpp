// SPDX-License-Identifier: Apache-2.0
// What a canonical tensor is, and its canonical name, both ways; the parts of a fused tensor.
#include "mhub/mapping/identity.hpp"

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/mapping/mapping.hpp"

BOOST_AUTO_TEST_SUITE(identity)

using namespace mhub;
using namespace mhub::tests;

namespace {

struct Case {
  const char* name;
  TensorIdentity identity;
};

const std::vector<Case> kCases{
    {"embedding.word_embeddings.weight", {"", Block::embedding, -1, -1, "word_embeddings.weight"}},
    {"decoder.layers.17.self_attention.linear_qkv.weight",
     {"", Block::layer, 17, -1, "self_attention.linear_qkv.weight"}},
    {"decoder.layers.3.mlp.experts.local_experts.250.linear_fc1.weight",
     {"", Block::layer, 3, 250, "mlp.experts.linear_fc1.weight"}},
    {"decoder.layers.3.mlp.shared_experts.linear_fc1.weight",
     {"", Block::layer, 3, -1, "mlp.shared_experts.linear_fc1.weight"}},
    {"decoder.final_norm.weight", {"", Block::decoder, -1, -1, "final_norm.weight"}},
    {"output_layer.bias", {"", Block::output, -1, -1, "bias"}},
    {"mtp.layers.1.eh_proj.weight", {"", Block::mtp, 1, -1, "eh_proj.weight"}},
    {"mtp.layers.0.transformer_layer.mlp.experts.local_experts.2.linear_fc2.bias",
     {"", Block::mtp_layer, 0, 2, "mlp.experts.linear_fc2.bias"}},
    {"language_model.output_layer.weight", {"language_model", Block::output, -1, -1, "weight"}},
    {"vision_model.decoder.layers.2.input_layernorm.bias",
     {"vision_model", Block::layer, 2, -1, "input_layernorm.bias"}},
    {"vision_model.class_token", {"vision_model", Block::other, -1, -1, "class_token"}},
    {"audio.tower.decoder.layers.0.x", {"audio.tower", Block::layer, 0, -1, "x"}},
    {"class_token", {"", Block::other, -1, -1, "class_token"}},
    {"hf.model.decoder.layers.3.norm", {"", Block::carried, -1, -1, "model.decoder.layers.3.norm"}},
    // Numbers that are none.
    {"decoder.layers.x.y", {"", Block::decoder, -1, -1, "layers.x.y"}},
    {"decoder.layers.99999999999999999999.y", {"", Block::decoder, -1, -1, "layers.99999999999999999999.y"}},
    {"decoder.layers.7", {"", Block::decoder, -1, -1, "layers.7"}},
};

}  // namespace

BOOST_AUTO_TEST_CASE(names_say_what_a_tensor_is_and_back) {
  for (const Case& one : kCases) {
    BOOST_TEST((identity_of(one.name) == one.identity), one.name);
    BOOST_TEST(canonical_name(one.identity) == one.name);
  }
}

BOOST_AUTO_TEST_CASE(rules_know_numbers_from_their_index_variables) {
  const auto at = [](const char* pattern, const Bindings& bindings) {
    return identity_of(substitute(pattern, bindings));
  };
  const char* experts = "language_model.decoder.layers.{i}.mlp.experts.local_experts.{e}.fc.weight";
  BOOST_TEST((at(experts, {{"i", 4}, {"e", 9}}) ==
              TensorIdentity{"language_model", Block::layer, 4, 9, "mlp.experts.fc.weight"}));
  BOOST_TEST((at("mtp.layers.{t+2}.transformer_layer.x", {{"t", 1}}) ==
              TensorIdentity{"", Block::mtp_layer, 3, -1, "x"}));
  BOOST_TEST((at("hf.a.{v}.b", {{"v", 5}}) == TensorIdentity{"", Block::carried, -1, -1, "a.5.b"}));
  BOOST_TEST((at("decoder.layers.6.{k}", {{"k", 1}}) == TensorIdentity{"", Block::layer, 6, -1, "1"}));
  BOOST_CHECK_THROW(at(experts, {{"i", 4}}), std::logic_error);
}

BOOST_AUTO_TEST_CASE(expanded_tensors_carry_what_their_names_say) {
  Mapping map;
  map.index("i", 2).index("e", 3);
  map.rule("embedding.word_embeddings.weight", vocabulary("embed", {5, 2}));
  map.rule("decoder.layers.{i}.mlp.experts.local_experts.{e}.linear_fc1.weight",
           gated("{i}.{e}.{gate,up}", 2, {3}));
  map.carried("extra.{i}", {2});
  const std::vector<CanonicalTensor> tensors = expand(map).canonical;
  BOOST_REQUIRE_EQUAL(tensors.size(), 1U + 6 + 2);
  for (const CanonicalTensor& tensor : tensors) {
    BOOST_TEST(tensor.name == canonical_name(tensor.identity));
    BOOST_TEST((tensor.identity == identity_of(tensor.name)), tensor.name);
  }
  BOOST_TEST(tensors[6].identity.layer == 1);
  BOOST_TEST(tensors[6].identity.expert == 2);
}

BOOST_AUTO_TEST_CASE(fused_tensors_have_parts_with_roles) {
  Mapping map;
  // Two groups of two query heads of one row each: q0 q1 k0 v0 q2 q3 k1 v1, in two columns.
  map.rule("qkv", qkv("{q,k,v}", {4, 2, 1}, {2}));
  map.rule("gated_qkv", gated_qkv("g.{q,k,v}", {4, 2, 1}, {}));
  map.rule("fc1", gated("{gate,up}", 3, {2}));
  map.rule("fc2", row("down", {2, 3}));
  map.rule("norm", replicated("norm", {2}));
  const ExpandedMapping mapping = expand(map);
  const Values source = numbered_values(mapping.import.source);
  const Values whole = applied(mapping.import, source);
  const auto part_of = [&](std::size_t tensor, Role role) {
    const CanonicalTensor& one = mapping.canonical[tensor];
    for (const RolePart& part : role_parts(one.shape, one.partition)) {
      if (part.role != role) continue;
      StateMap one_part{{{"whole", one.shape}}, {{"part", part.shape}}, {{{0, part.box}}}};
      check_destination_coverage(one_part, "test");
      return applied(one_part, {whole[tensor]})[0];
    }
    return std::vector<std::int64_t>{};
  };
  BOOST_TEST(part_of(0, Role::query) == source[0], boost::test_tools::per_element());
  BOOST_TEST(part_of(0, Role::key) == source[1], boost::test_tools::per_element());
  BOOST_TEST(part_of(0, Role::value) == source[2], boost::test_tools::per_element());
  BOOST_TEST(part_of(1, Role::key) == source[4], boost::test_tools::per_element());
  // transformers stores [query; gate] of each head.
  const std::vector<std::int64_t>& g = source[3];
  BOOST_TEST(part_of(1, Role::query) == (std::vector<std::int64_t>{g[0], g[2], g[4], g[6]}),
             boost::test_tools::per_element());
  BOOST_TEST(part_of(1, Role::output_gate) == (std::vector<std::int64_t>{g[1], g[3], g[5], g[7]}),
             boost::test_tools::per_element());
  BOOST_TEST(part_of(2, Role::gate) == source[6], boost::test_tools::per_element());
  BOOST_TEST(part_of(2, Role::up) == source[7], boost::test_tools::per_element());
  BOOST_TEST(role_parts({2, 3}, mapping.canonical[3].partition).empty());
  BOOST_TEST(role_parts({2}, mapping.canonical[4].partition).empty());
  BOOST_TEST(name_of(Role::alpha) == "alpha");
  BOOST_TEST(name_of(Role::output_gate) == "output_gate");
}

BOOST_AUTO_TEST_SUITE_END()
