// SPDX-License-Identifier: Apache-2.0
// Operators on heads, and attention over caches, against plain loops in double.
#include <cmath>
#include <optional>

#include <boost/test/unit_test.hpp>

#include "conformance/under_test.hpp"
#include "runtime/random_values.hpp"

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

using Doubles = std::vector<double>;

/// Query groups as in the output of a linear_qkv: per group its queries, its key, its value.
struct Layout {
  std::int64_t groups = 2, heads = 2;  ///< heads per group
  std::int64_t dim = 16, value_dim = 16;

  std::int64_t group_stride() const { return (heads + 1) * dim + value_dim; }
  std::int64_t width() const { return groups * group_stride(); }
  Heads queries(const Matrix& m) const {
    return {m.data, m.rows, m.stride, groups, group_stride(), heads, dim, dim};
  }
  Heads keys(const Matrix& m) const {
    return {m.data + heads * dim, m.rows, m.stride, groups, group_stride(), 1, dim, dim};
  }
  Heads values(const Matrix& m) const {
    return {m.data + (heads + 1) * dim, m.rows, m.stride, groups, group_stride(), 1, value_dim, value_dim};
  }
};

AttentionOptions with(float scale, std::int64_t window = 0, float soft_cap = 0.0F,
                      std::vector<float> sinks = {}) {
  AttentionOptions options;
  options.scale = scale;
  options.window = window;
  options.soft_cap = soft_cap;
  options.sinks = std::move(sinks);
  return options;
}

/// Attention over whole sequences, by the definition.
class Golden {
 public:
  Golden(const Layout& layout, const AttentionOptions& options) : layout_(layout), options_(options) {}
  /// Row t of the result is what attend() gives token t of a sequence with these rows of queries, keys and
  /// values.
  Doubles attend(const std::vector<float>& rows) const {
    const auto count = static_cast<std::int64_t>(rows.size()) / layout_.width();
    Doubles out;
    for (std::int64_t t = 0; t < count; ++t) {
      for (std::int64_t h = 0; h < layout_.groups * layout_.heads; ++h) attend_one(rows, t, h, out);
    }
    return out;
  }

 private:
  double at(const std::vector<float>& rows, std::int64_t token, std::int64_t group,
            std::int64_t offset) const {
    return static_cast<double>(
        rows[static_cast<std::size_t>(token * layout_.width() + group * layout_.group_stride() + offset)]);
  }
  void attend_one(const std::vector<float>& rows, std::int64_t t, std::int64_t h, Doubles& out) const {
    const std::int64_t group = h / layout_.heads, head = h % layout_.heads, dim = layout_.dim;
    std::int64_t first = options_.window > 0 ? std::max<std::int64_t>(0, t - options_.window + 1) : 0;
    if (options_.chunk > 0) first = std::max(first, t - t % options_.chunk);
    Doubles weights;
    double total = options_.sinks.empty()
                       ? 0
                       : std::exp(static_cast<double>(options_.sinks[static_cast<std::size_t>(h)]));
    for (std::int64_t key = first; key <= t; ++key) {
      double score = 0;
      for (std::int64_t c = 0; c < dim; ++c)
        score += at(rows, t, group, head * dim + c) * at(rows, key, group, layout_.heads * dim + c);
      score *= static_cast<double>(options_.scale);
      if (options_.soft_cap > 0)
        score = static_cast<double>(options_.soft_cap) *
                std::tanh(score / static_cast<double>(options_.soft_cap));
      weights.push_back(std::exp(score));
      total += weights.back();
    }
    for (std::int64_t c = 0; c < layout_.value_dim; ++c) {
      double sum = 0;
      for (std::int64_t key = first; key <= t; ++key)
        sum += weights[static_cast<std::size_t>(key - first)] *
               at(rows, key, group, (layout_.heads + 1) * dim + c);
      out.push_back(sum / total);
    }
  }

  Layout layout_;
  AttentionOptions options_;
};

/// Sequences that attend in pieces; a pass runs some tokens of each.
double attention_deviation(const Layout& layout, const AttentionOptions& options,
                           const std::vector<std::vector<std::int64_t>>& passes) {
  const std::size_t sequences = passes.front().size();
  std::vector<std::int64_t> lengths(sequences), done(sequences);
  for (const auto& pass : passes) {
    for (std::size_t s = 0; s < sequences; ++s) lengths[s] += pass[s];
  }
  std::vector<std::vector<float>> rows;
  std::vector<Doubles> expected;
  std::vector<LayerCache> caches;
  for (std::size_t s = 0; s < sequences; ++s) {
    rows.push_back(random_values(lengths[s] * layout.width(), static_cast<unsigned>(20 + s)));
    expected.push_back(Golden(layout, options).attend(rows.back()));
    caches.emplace_back(layout.groups, layout.dim, layout.value_dim,
                        [](std::int64_t n) { return backend().allocate_cache_page(n); });
  }
  const std::int64_t out_width = layout.groups * layout.heads * layout.value_dim;
  double worst = 0;
  for (const auto& pass : passes) {
    std::vector<float> in;
    Doubles wanted;
    std::vector<Segment> segments;
    std::int64_t total = 0;
    for (std::size_t s = 0; s < sequences; ++s) {
      if (pass[s] == 0) continue;
      segments.push_back({total, pass[s], done[s], &caches[s]});
      const auto from = rows[s].begin() + static_cast<std::ptrdiff_t>(done[s] * layout.width());
      in.insert(in.end(), from, from + static_cast<std::ptrdiff_t>(pass[s] * layout.width()));
      const auto to = expected[s].begin() + static_cast<std::ptrdiff_t>(done[s] * out_width);
      wanted.insert(wanted.end(), to, to + static_cast<std::ptrdiff_t>(pass[s] * out_width));
      total += pass[s];
      done[s] += pass[s];
    }
    const Activations qkv(in, total, layout.width()), out(total, out_width);
    backend().attend(options, layout.queries(qkv), layout.keys(qkv), layout.values(qkv), segments, out);
    worst = std::max(worst, deviation(out.values(), wanted));
  }
  return worst;
}

const std::vector<std::vector<std::int64_t>> kOneSequence{{70}, {1}, {1}, {64}, {1}, {3}};
const std::vector<std::vector<std::int64_t>> kSeveral{
    {5, 70, 1}, {1, 1, 1}, {2, 1, 1}, {1, 1, 0}, {1, 66, 1}};

/// Runs one and several sequences. Attention's own rounding is of the order of a product's.
void check_attention(const Layout& layout, const AttentionOptions& options) {
  BOOST_TEST(attention_deviation(layout, options, kOneSequence) <= under_test().rounded);
  BOOST_TEST(attention_deviation(layout, options, kSeveral) <= under_test().rounded);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attention_operators)

BOOST_AUTO_TEST_CASE(heads_are_normalized) {
  const Layout layout;
  const auto in = random_values(5 * layout.width(), 18);
  for (const NormKind kind : {NormKind::rms, NormKind::layer}) {
    for (const bool joint : {false, true}) {
      const std::int64_t size = joint ? layout.groups * layout.heads * layout.dim : layout.dim;
      const Norm norm{kind, 1e-4, random_values(size, 19), {}};
      const Activations x(in, 5, layout.width());
      joint ? backend().normalize_joint(norm, layout.queries(x))
            : backend().normalize(norm, layout.queries(x));
      Doubles expected(in.begin(), in.end());
      for (std::int64_t t = 0; t < 5; ++t) {
        std::vector<std::size_t> places;  // of the query heads' numbers, group by group
        for (std::int64_t g = 0; g < layout.groups; ++g) {
          for (std::int64_t k = 0; k < layout.heads * layout.dim; ++k)
            places.push_back(static_cast<std::size_t>(t * layout.width() + g * layout.group_stride() + k));
        }
        for (std::size_t begin = 0; begin < places.size(); begin += static_cast<std::size_t>(size)) {
          const std::span<const std::size_t> part =
              std::span(places).subspan(begin, static_cast<std::size_t>(size));
          double mean = 0, square = 0;
          for (const std::size_t p : part)
            mean += kind == NormKind::layer ? expected[p] / static_cast<double>(size) : 0;
          for (const std::size_t p : part)
            square += std::pow(expected[p] - mean, 2) / static_cast<double>(size);
          for (std::size_t k = 0; k < part.size(); ++k)
            expected[part[k]] =
                (expected[part[k]] - mean) / std::sqrt(square + 1e-4) * static_cast<double>(norm.weight[k]);
        }
      }
      BOOST_TEST(deviation(x.values(), expected) <= kExact);
    }
  }
}

BOOST_AUTO_TEST_CASE(heads_are_rotated) {
  const Layout layout;
  const auto in = random_values(4 * layout.width(), 21);
  for (const std::int64_t dim : {16, 8}) {
    for (const bool interleaved : {false, true}) {
      const auto angles = random_values(4 * dim / 2, 22);
      RotaryAngles rotary{{}, {}, dim, interleaved};
      for (const float angle : angles) {
        rotary.cos.push_back(std::cos(angle));
        rotary.sin.push_back(std::sin(angle));
      }
      const Activations x(in, 4, layout.width());
      backend().rotate(rotary, layout.queries(x));
      Doubles expected(in.begin(), in.end());
      for (std::int64_t t = 0; t < 4; ++t) {
        for (std::int64_t h = 0; h < 4; ++h) {
          double* head =
              expected.data() + t * layout.width() + h / 2 * layout.group_stride() + h % 2 * layout.dim;
          for (std::int64_t k = 0; k < dim / 2; ++k) {
            double& low = head[interleaved ? 2 * k : k];
            double& high = head[interleaved ? 2 * k + 1 : k + dim / 2];
            const double x0 = low, y0 = high,
                         angle = static_cast<double>(angles[static_cast<std::size_t>(t * dim / 2 + k)]);
            low = x0 * std::cos(angle) - y0 * std::sin(angle);
            high = y0 * std::cos(angle) + x0 * std::sin(angle);
          }
        }
      }
      BOOST_TEST(deviation(x.values(), expected) <= kExact);
    }
  }
}

BOOST_AUTO_TEST_CASE(outputs_are_gated) {
  const auto in = random_values(3 * 40, 25), before = random_values(3 * 24, 26);
  const Activations x(in, 3, 40), y(before, 3, 24);
  const Heads gates{x.matrix().data + 2, 3, 40, 2, 20, 2, 8, 6};
  backend().gate(gates, y);
  Doubles expected;
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t c = 0; c < 24; ++c) {
      const std::size_t head = c / 6;
      const auto gate = static_cast<double>(in[t * 40 + 2 + head / 2 * 20 + head % 2 * 8 + c % 6]);
      expected.push_back(static_cast<double>(before[t * 24 + c]) / (1 + std::exp(-gate)));
    }
  }
  BOOST_TEST(deviation(y.values(), expected) <= kExact);
}

BOOST_AUTO_TEST_CASE(one_head_is_copied_to_all) {
  const auto in = random_values(3 * 20, 23), before = random_values(3 * 4 * 10, 24);
  const Activations x(in, 3, 20), y(before, 3, 40);
  const Heads shared{x.matrix().data + 12, 3, 20, 4, 0, 1, 6, 6};
  const Heads all{y.matrix().data + 4, 3, 40, 4, 10, 1, 6, 6};
  backend().copy(shared, all);
  const auto found = y.values();
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t c = 0; c < 40; ++c)
      BOOST_TEST(found[t * 40 + c] == (c % 10 >= 4 ? in[t * 20 + 12 + c % 10 - 4] : before[t * 40 + c]));
  }
}

BOOST_AUTO_TEST_CASE(attention_of_grouped_queries) { check_attention({}, with(0.25F)); }

BOOST_AUTO_TEST_CASE(attention_of_one_group_and_of_one_query_a_group) {
  check_attention({1, 3, 16, 16}, with(0.25F));
  check_attention({3, 1, 16, 16}, with(0.25F));
}

BOOST_AUTO_TEST_CASE(attention_with_shorter_values) { check_attention({2, 2, 24, 16}, with(0.2F)); }

BOOST_AUTO_TEST_CASE(attention_of_odd_sizes) { check_attention({2, 2, 10, 7}, with(0.3F)); }

BOOST_AUTO_TEST_CASE(attention_with_a_window) {
  for (const std::int64_t window : {1, 5, 64, 80}) check_attention({}, with(0.25F, window));
}

BOOST_AUTO_TEST_CASE(attention_within_chunks) {
  for (const std::int64_t chunk : {7, 64, 100}) {
    AttentionOptions options = with(0.25F);
    options.chunk = chunk;
    check_attention({}, options);
  }
}

BOOST_AUTO_TEST_CASE(attention_with_capped_scores) { check_attention({}, with(0.5F, 0, 1.5F)); }

BOOST_AUTO_TEST_CASE(attention_with_sinks) {
  check_attention({}, with(0.25F, 0, 0.0F, {0.5F, -1.0F, 2.0F, 0.0F}));
  check_attention({}, with(0.25F, 9, 0.0F, {0.5F, -1.0F, 2.0F, 0.0F}));
}

BOOST_AUTO_TEST_SUITE_END()
