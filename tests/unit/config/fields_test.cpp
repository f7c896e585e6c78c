// SPDX-License-Identifier: Apache-2.0
// The table of fields: nothing is left out, and what an entry says of a field holds both ways.
#include "mhub/config/fields.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(fields_table)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// The names that transformer_config.hpp declares in each struct.
std::map<std::string, std::vector<std::string>> declared_members() {
  std::ifstream in(std::filesystem::path(MHUB_REPOSITORY) / "core/config/transformer_config.hpp");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  text = std::regex_replace(text,
                            std::regex("//[^\n]*|bool operator[^;]*;|\\w+ \\w+\\(\\) const \\{[^}]*\\}"), "");
  std::map<std::string, std::vector<std::string>> members;
  const std::regex whole("struct (\\w+) \\{([^}]*)\\};"), one("(\\w+)( = [^,;]+)?[,;]");
  for (std::sregex_iterator at(text.begin(), text.end(), whole), end; at != end; ++at) {
    const std::string body = (*at)[2];
    for (std::sregex_iterator member(body.begin(), body.end(), one); member != end; ++member)
      members[(*at)[1]].push_back((*member)[1]);
  }
  return members;
}

/// Whether another field decides: no description can say both.
bool overruled(const std::string& field, const TransformerConfig& c) {
  if (field == "add_qkv_bias" || field == "attention_proj_bias") return c.add_bias_linear;
  return field == "position_embedding_type" && (c.mla || c.rope_scaling.type != RopeKind::none);
}

/// What a description that states the field so means; false where it means nothing.
bool set(const Field& field, TransformerConfig& c, const nlohmann::json& value) {
  try {
    FieldBinding f(ConfigReader({{"value", value}}, "model"));
    field.read(field, f, "value", c);
  } catch (const InputError&) {
    return false;
  }
  return true;
}

/// Another value that the field may have in this model; false where there is none.
bool change(const Field& field, TransformerConfig& c) {
  if (field.get == nullptr) return false;
  nlohmann::json value = field.get(c);
  if (field.layers != nullptr) {
    value = value == Layers{1, 0, 0} ? Layers{0, 0, 1} : Layers{1, 0, 0};
  } else if (value.is_null()) {
    value = 3;
  } else if (value.is_boolean()) {
    value = !value.get<bool>();
  } else if (value.is_number_integer()) {
    value = value.get<std::int64_t>() + 1;
  } else if (value.is_number()) {
    value = value.get<double>() * 0.75 + 0.1;
  } else if (value.is_array()) {
    value.push_back(1.5);
  }
  if (!value.is_string()) return set(field, c, value);
  if (TransformerConfig free = c; set(field, free, "no_such_name")) return false;  // a text, not a choice
  for (const char* name : {"none", "LayerNorm", "RMSNorm", "relu2", "sigmoid", "softmax", "learnable"})
    if (name != value && set(field, c, name)) return true;
  return false;
}

nlohmann::json written(TransformerConfig c, Dialect dialect) {
  FieldBinding fields;
  bind_fields(fields, c, dialect);
  return fields.written();
}

TransformerConfig read(const nlohmann::json& json, Dialect dialect) {
  TransformerConfig c;
  FieldBinding fields(ConfigReader(json, "model"));
  bind_fields(fields, c, dialect);
  return c;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_member_has_an_entry) {
  const std::map<std::string, std::string> parts{{"TransformerConfig", ""},
                                                 {"RopeScaling", "rope_scaling."},
                                                 {"MoeConfig", "moe."},
                                                 {"MlaConfig", "mla."},
                                                 {"SparseAttentionConfig", "sparse_attention."},
                                                 {"LinearAttentionConfig", "linear_attention."},
                                                 {"MambaConfig", "mamba."},
                                                 {"HeterogeneousConfig", "heterogeneous."},
                                                 {"AttentionKind", "full_attention."},
                                                 {"SharedKeysConfig", "shared_keys."},
                                                 {"LayerEmbeddingConfig", "layer_embeddings."},
                                                 {"AttentionTemperature", "attention_temperature."},
                                                 {"ImageConfig", "image."},
                                                 {"VisionConfig", "vision."},
                                                 {"TrainingDefaults", "training."}};
  std::set<std::string> names;
  for (const Field& field : fields()) BOOST_TEST(names.insert(field.name()).second, field.name());
  const auto structs = declared_members();
  BOOST_TEST(structs.size() == parts.size());
  std::size_t members = 0;
  for (const auto& [name, part] : parts) {
    BOOST_REQUIRE_MESSAGE(structs.contains(name), name);
    for (const std::string& member : structs.at(name)) {
      if (part.empty() && (member == "rope_scaling" || member == "training"))
        continue;  // no parts by themselves
      BOOST_TEST(names.contains(part + member), part + member + " has no entry in the table");
      ++members;
    }
  }
  BOOST_TEST(members == names.size());
}

BOOST_AUTO_TEST_CASE(every_field_is_compared_and_survives_args) {
  // Megatron has no setting for it: no description states it.
  const std::set<std::string> unsaid{"mamba.conv_kernel_dim", "local_spec_only"};
  std::set<std::string> tried;
  for (const auto& [name, model] : models()) {
    BOOST_TEST(joined(differing_fields(model, model)) == "");
    for (const Field& field : fields()) {
      TransformerConfig other = model;
      if (!matters(field, model) || overruled(field.name(), model) || !change(field, other)) continue;
      BOOST_TEST_CONTEXT(name << ", " << field.name()) {
        const Lines difference = differing_fields(model, other);
        BOOST_TEST((field.compared == !difference.empty()), joined(difference));
        tried.insert(field.name());
        if (unsaid.contains(field.name())) continue;
        const TransformerConfig back = read(written(other, Dialect::args), Dialect::args);
        BOOST_TEST(joined(differing_fields(other, back)) == "");
        BOOST_TEST(written(back, Dialect::args) == written(other, Dialect::args));
      }
    }
  }
  for (const Field& field : fields()) {
    const std::set<std::string> untried{"image.vision_model_type", "bridge_provider", "hybrid_layer_pattern",
                                        "mtp_hybrid_layer_pattern", "rope_scaling.type"};
    BOOST_TEST((field.get == nullptr || tried.contains(field.name()) || untried.contains(field.name())),
               field.name());
  }
}

/// Megatron-Bridge's gemma4_bridge.py writes window_attn_skip_freq so.
BOOST_AUTO_TEST_CASE(a_list_may_say_true_and_false) {
  const TransformerConfig c =
      read({{"num_layers", 3}, {"window_size", {6, 0}}, {"window_attn_skip_freq", {true, true, false}}},
           Dialect::run_config);
  BOOST_TEST((c.window_layers == Layers{1, 1, 0}));
  BOOST_CHECK_THROW(read({{"num_layers", 2}, {"window_size", {6, 0}}, {"window_attn_skip_freq", {true, 1}}},
                         Dialect::run_config),
                    InputError);
}

/// hybrid_layer_allocation.py, parse_hybrid_pattern.
BOOST_AUTO_TEST_CASE(a_hybrid_pattern_has_those_of_prediction_blocks_behind_it) {
  TransformerConfig c = models().at("hybrid");
  c.mtp_num_layers = 2;
  c.mtp_hybrid_layer_pattern = "*-";
  for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
    nlohmann::json stated = written(c, dialect);
    BOOST_TEST(stated.at("hybrid_layer_pattern") == "M*-/*-/*-");
    BOOST_TEST(joined(differing_fields(read(stated, dialect), c)) == "");
    stated.erase("mtp_num_layers");  // Megatron-LM infers it
    BOOST_TEST(read(stated, dialect).mtp_num_layers == 2);
    stated["hybrid_layer_pattern"] = "M*-";  // as Megatron-Bridge's provider has it
    stated["mtp_hybrid_override_pattern"] = "*-";
    stated["mtp_num_layers"] = 2;
    BOOST_TEST(joined(differing_fields(read(stated, dialect), c)) == "");
    stated["hybrid_layer_pattern"] = "M*-/*-/-*";
    BOOST_CHECK_THROW(read(stated, dialect), InputError);
  }
  c.mtp_num_layers = 0;
  BOOST_TEST(written(c, Dialect::args).at("hybrid_layer_pattern") == "M*-");
}

BOOST_AUTO_TEST_CASE(what_bridge_has_a_name_for_survives_its_run_config) {
  for (const auto& [name, model] : models()) {
    for (const Field& field : fields()) {
      TransformerConfig other = model;
      if ((field.core == nullptr && field.run_config == nullptr) || !matters(field, model) || model.image ||
          overruled(field.name(), model) || !change(field, other))
        continue;
      BOOST_TEST_CONTEXT(name << ", " << field.name()) {
        const nlohmann::json json = written(other, Dialect::run_config);
        BOOST_TEST(written(read(json, Dialect::run_config), Dialect::run_config) == json);
        for (const auto& entry : json.items()) BOOST_TEST(!entry.key().starts_with("hf_"), entry.key());
        const bool stated = json != written(model, Dialect::run_config);
        BOOST_TEST(stated, "run_config.yaml does not state it");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reset_field_has_its_default) {
  for (const auto& [name, model] : models()) {
    TransformerConfig plain = model;
    for (const Field& field : fields()) reset(field, plain);
    BOOST_TEST(joined(differing_fields(plain, TransformerConfig())) == "", name);
  }
}

BOOST_AUTO_TEST_CASE(a_value_that_is_none_of_the_names_is_refused_where_it_stands) {
  nlohmann::json json = written(models().at("dense"), Dialect::args);
  for (const char* key : {"normalization", "position_embedding_type", "softmax_type", "hf_activation"}) {
    nlohmann::json wrong = json;
    wrong[key] = "no_such_name";
    BOOST_CHECK_EXCEPTION(read(wrong, Dialect::args), InputError, [&](const InputError& error) {
      return error.what() == "model: " + std::string(key) + ": unsupported: \"no_such_name\"";
    });
  }
}

BOOST_AUTO_TEST_CASE(values_outside_their_range_are_named) {
  auto refusals = [](const TransformerConfig& c) {
    Lines lines;
    check_ranges(c, [&](const std::string& name, const std::string& found, const std::string& expected) {
      lines.push_back(name + " = " + found + ", " + expected);
    });
    return lines;
  };
  for (const auto& [name, model] : models()) BOOST_TEST(joined(refusals(model)) == "", name);
  TransformerConfig c = models().at("experts");
  c.hidden_size = 0;
  c.moe->router_topk = std::int64_t{1} << 40;
  c.rotary_percent = 1.5;
  c.no_rope_layers = {1};
  BOOST_TEST(joined(refusals(c)) ==
             "hidden_size = 0, a size from 1 to 2^28\n"
             "rotary_percent = 1.500000, a number from 0.001000 to 1.000000\n"
             "no_rope_layers = 1 entries, one for each layer\n"
             "moe_router_topk = 1099511627776, a size from 1 to 2^28\n");
}

BOOST_AUTO_TEST_SUITE_END()
