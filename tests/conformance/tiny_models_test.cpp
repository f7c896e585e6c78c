// SPDX-License-Identifier: Apache-2.0
// Whole tiny models through the decoder, from folders written here, against the same models computed in
// double.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "conformance/model.hpp"
#include "conformance/under_test.hpp"

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

using Rows = std::vector<Row>;

constexpr std::size_t kHidden = 32, kFfn = 48, kVocabulary = 40, kLayers = 2, kHeads = 4, kDim = 8;

void add(Row& x, const Row& y) {
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += y[k];
}

void rotate(Row& heads, std::size_t position) {
  for (std::size_t begin = 0; begin < heads.size(); begin += kDim) {
    for (std::size_t k = 0; k < kDim / 2; ++k) {
      const double angle =
          static_cast<double>(position) * std::pow(10000.0, -2.0 * static_cast<double>(k) / kDim);
      double& low = heads[begin + k];
      double& high = heads[begin + k + kDim / 2];
      const double a = low, b = high;
      low = a * std::cos(angle) - b * std::sin(angle);
      high = b * std::cos(angle) + a * std::sin(angle);
    }
  }
}

/// Token t of causal attention.
Row attend(const Rows& queries, const Rows& keys, const Rows& values, std::size_t t) {
  const std::size_t shared = kHeads * kDim / keys[0].size();  // query heads of a key head
  Row out;
  for (std::size_t h = 0; h < kHeads; ++h) {
    Row weights;
    double total = 0;
    for (std::size_t key = 0; key <= t; ++key) {
      double score = 0;
      for (std::size_t c = 0; c < kDim; ++c)
        score += queries[t][h * kDim + c] * keys[key][h / shared * kDim + c];
      weights.push_back(std::exp(score / std::sqrt(static_cast<double>(kDim))));
      total += weights.back();
    }
    for (std::size_t c = 0; c < kDim; ++c) {
      double sum = 0;
      for (std::size_t key = 0; key <= t; ++key) sum += weights[key] * values[key][h / shared * kDim + c];
      out.push_back(sum / total);
    }
  }
  return out;
}

/// The architecture of transformers' modeling_llama.py.
struct Rotated {
  static Model make() {
    Model model({{"architectures", {"LlamaForCausalLM"}},
                 {"model_type", "llama"},
                 {"vocab_size", kVocabulary},
                 {"hidden_size", kHidden},
                 {"intermediate_size", kFfn},
                 {"num_hidden_layers", kLayers},
                 {"num_attention_heads", kHeads},
                 {"num_key_value_heads", 2},
                 {"rms_norm_eps", kEpsilon},
                 {"rope_theta", 10000.0},
                 {"hidden_act", "silu"},
                 {"tie_word_embeddings", false}});
    model.add("model.embed_tokens.weight", {kVocabulary, kHidden}, 1.0F);
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::string layer = "model.layers." + std::to_string(i) + ".";
      model.add(layer + "input_layernorm.weight", {kHidden}, 0.2F, 1.0F);
      model.add(layer + "self_attn.q_proj.weight", {kHidden, kHidden}, 0.3F);
      model.add(layer + "self_attn.k_proj.weight", {kHidden / 2, kHidden}, 0.3F);
      model.add(layer + "self_attn.v_proj.weight", {kHidden / 2, kHidden}, 0.3F);
      model.add(layer + "self_attn.o_proj.weight", {kHidden, kHidden}, 0.3F);
      model.add(layer + "post_attention_layernorm.weight", {kHidden}, 0.2F, 1.0F);
      model.add(layer + "mlp.gate_proj.weight", {kFfn, kHidden}, 0.3F);
      model.add(layer + "mlp.up_proj.weight", {kFfn, kHidden}, 0.3F);
      model.add(layer + "mlp.down_proj.weight", {kHidden, kFfn}, 0.3F);
    }
    model.add("model.norm.weight", {kHidden}, 0.2F, 1.0F);
    model.add("lm_head.weight", {kVocabulary, kHidden}, 0.3F);
    return model;
  }

  static Row logits(const Model& model, const std::vector<std::int64_t>& tokens) {
    Rows x;
    for (const std::int64_t token : tokens)
      x.push_back(model.row("model.embed_tokens.weight", static_cast<std::size_t>(token), kHidden));
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::string layer = "model.layers." + std::to_string(i) + ".";
      Rows q, k, v;
      for (std::size_t t = 0; t < x.size(); ++t) {
        const Row in = model.norm(layer + "input_layernorm", x[t]);
        q.push_back(model.linear(layer + "self_attn.q_proj", in));
        k.push_back(model.linear(layer + "self_attn.k_proj", in));
        v.push_back(model.linear(layer + "self_attn.v_proj", in));
        rotate(q.back(), t);
        rotate(k.back(), t);
      }
      for (std::size_t t = 0; t < x.size(); ++t) {
        add(x[t], model.linear(layer + "self_attn.o_proj", attend(q, k, v, t)));
        const Row in = model.norm(layer + "post_attention_layernorm", x[t]);
        Row gate = model.linear(layer + "mlp.gate_proj", in);
        const Row up = model.linear(layer + "mlp.up_proj", in);
        for (std::size_t c = 0; c < gate.size(); ++c) gate[c] *= up[c] / (1 + std::exp(-gate[c]));
        add(x[t], model.linear(layer + "mlp.down_proj", gate));
      }
    }
    Row all;
    for (const Row& row : x) {
      const Row one = model.linear("lm_head", model.norm("model.norm", row));
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }
};

/// The architecture of transformers' modeling_gpt2.py: learned positions, biases, transposed weights, tied
/// embeddings.
struct Learned {
  static Model make() {
    Model model({{"architectures", {"GPT2LMHeadModel"}},
                 {"model_type", "gpt2"},
                 {"vocab_size", kVocabulary},
                 {"n_embd", kHidden},
                 {"n_layer", kLayers},
                 {"n_head", kHeads},
                 {"n_positions", 128},
                 {"n_ctx", 128},
                 {"n_inner", kFfn},
                 {"activation_function", "gelu_new"},
                 {"layer_norm_epsilon", kEpsilon}});
    auto linear = [&](const std::string& name, std::size_t inputs, std::size_t outputs) {
      model.add(name + ".weight", {inputs, outputs}, 0.3F);
      model.add(name + ".bias", {outputs}, 0.2F);
    };
    auto norm = [&](const std::string& name) {
      model.add(name + ".weight", {kHidden}, 0.2F, 1.0F);
      model.add(name + ".bias", {kHidden}, 0.2F);
    };
    model.add("transformer.wte.weight", {kVocabulary, kHidden}, 0.5F);
    model.add("transformer.wpe.weight", {128, kHidden}, 0.5F);
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::string layer = "transformer.h." + std::to_string(i) + ".";
      norm(layer + "ln_1");
      linear(layer + "attn.c_attn", kHidden, 3 * kHidden);
      linear(layer + "attn.c_proj", kHidden, kHidden);
      norm(layer + "ln_2");
      linear(layer + "mlp.c_fc", kHidden, kFfn);
      linear(layer + "mlp.c_proj", kFfn, kHidden);
    }
    norm("transformer.ln_f");
    return model;
  }

  static Row logits(const Model& model, const std::vector<std::int64_t>& tokens) {
    Rows x;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      x.push_back(model.row("transformer.wte.weight", static_cast<std::size_t>(tokens[t]), kHidden));
      add(x.back(), model.row("transformer.wpe.weight", t, kHidden));
    }
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::string layer = "transformer.h." + std::to_string(i) + ".";
      Rows q, k, v;
      for (const Row& row : x) {
        const Row qkv = model.linear(layer + "attn.c_attn", model.norm(layer + "ln_1", row), true);
        auto part = [&](std::size_t n) {
          return Row(qkv.begin() + static_cast<std::ptrdiff_t>(n * kHidden),
                     qkv.begin() + static_cast<std::ptrdiff_t>((n + 1) * kHidden));
        };
        q.push_back(part(0));
        k.push_back(part(1));
        v.push_back(part(2));
      }
      for (std::size_t t = 0; t < x.size(); ++t) {
        add(x[t], model.linear(layer + "attn.c_proj", attend(q, k, v, t), true));
        Row inner = model.linear(layer + "mlp.c_fc", model.norm(layer + "ln_2", x[t]), true);
        for (double& u : inner) u = u / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
        add(x[t], model.linear(layer + "mlp.c_proj", inner, true));
      }
    }
    Row all;
    for (const Row& row : x) {
      const Row normed = model.norm("transformer.ln_f", row);
      for (std::size_t n = 0; n < kVocabulary; ++n) {
        double sum = 0;
        for (std::size_t c = 0; c < kHidden; ++c)
          sum += normed[c] * static_cast<double>(model.at("transformer.wte.weight")[n * kHidden + c]);
        all.push_back(sum);
      }
    }
    return all;
  }
};

template <typename Architecture>
void check() {
  std::vector<std::int64_t> tokens;
  for (std::int64_t k = 0; k < 80; ++k)
    tokens.push_back((k * k + 5 * k) % static_cast<std::int64_t>(kVocabulary));
  const Model model = Architecture::make();
  const Row expected = Architecture::logits(model, tokens);
  // Float32 weights: the CPU multiplies them exactly. Others round weights too, not only activations.
  const bool exact = under_test().name == "cpu" || under_test().run == DType::f32;
  const double allowed = exact ? 1e-4 : 3 * under_test().rounded;
  for (const auto& pieces : std::vector<std::vector<std::size_t>>{{80}, {64, 15, 1}, {9, 1, 1, 1, 68}}) {
    const double found = deviation(decoded(backend(), model, tokens, pieces, Precision::fast), expected);
    BOOST_TEST_MESSAGE("deviation " << found);
    BOOST_TEST(found <= allowed);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tiny_models)

BOOST_AUTO_TEST_CASE(rotary_positions_grouped_queries_and_gated_mlp) { check<Rotated>(); }

BOOST_AUTO_TEST_CASE(learned_positions_biases_and_tied_embeddings) { check<Learned>(); }

BOOST_AUTO_TEST_SUITE_END()
