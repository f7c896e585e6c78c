// SPDX-License-Identifier: Apache-2.0
// What the device backend asks its device for, in order: the graphs and kernels of one layer.
#include <boost/test/unit_test.hpp>

#include "mhub/runtime/device/device_backend.hpp"
#include "runtime/device/host_device.hpp"
#include "runtime/random_values.hpp"

BOOST_AUTO_TEST_SUITE(operations)

using namespace mhub;
using namespace mhub::runtime;

namespace {

using Log = std::vector<std::string>;

struct Setup {
  tests::HostDevice* device;
  std::unique_ptr<Backend> backend;

  explicit Setup(Element run) {
    auto made = std::make_unique<tests::HostDevice>();
    device = made.get();
    backend = make_device_backend(std::move(made), run);
  }
  WeightView weight(std::int64_t rows, std::int64_t columns, DType dtype, Precision precision) {
    bytes.push_back(tests::as_type(tests::random_values(rows * columns, 3), dtype));
    return backend->place(
        {"weight", rows, columns, {{0, rows, 0, columns, bytes.back().data(), columns, dtype}}, nullptr},
        Rows::all, precision);
  }
  Matrix matrix(std::int64_t rows, std::int64_t columns) {
    memory.push_back(backend->allocate(rows * columns));
    const Matrix made{memory.back().get(), rows, columns, columns};
    backend->fill(made, 0.5F);
    return made;
  }
  /// What the call asked for.
  template <typename Call>
  Log log(const Call& call) {
    device->forget_log();
    call();
    return device->log();
  }

  std::vector<std::vector<std::byte>> bytes;
  std::vector<std::shared_ptr<float>> memory;
};

void check(const Log& found, const Log& expected) {
  BOOST_CHECK_EQUAL_COLLECTIONS(found.begin(), found.end(), expected.begin(), expected.end());
}

}  // namespace

BOOST_AUTO_TEST_CASE(products) {
  Setup s(Element::bf16);
  const WeightView weight = s.weight(24, 16, DType::f32, Precision::fast);
  BOOST_TEST((weight.blocks.front().dtype == DType::bf16));
  const std::vector<float> bias(24, 1.0F);
  auto run = [&](std::int64_t rows, bool accumulate, Precision precision) {
    const Matrix in = s.matrix(rows, 16), out = s.matrix(rows, 24);
    return s.log([&] { s.backend->linear(weight, bias, in, out, accumulate, precision); });
  };
  check(run(4, false, Precision::fast), {"round", "linear bf16 [4, 16] x [24, 16]^T + bias"});
  check(run(5, false, Precision::fast), {"round", "linear bf16 [8, 16] x [24, 16]^T + bias", "combine"});
  check(run(4, true, Precision::fast), {"round", "linear bf16 [4, 16] x [24, 16]^T + bias", "combine"});
  check(run(4, false, Precision::exact), {"dot"});
}

BOOST_AUTO_TEST_CASE(products_with_an_activation) {
  Setup s(Element::bf16);
  const WeightView weight = s.weight(24, 16, DType::f32, Precision::fast);
  auto run = [&](std::int64_t rows, const Activation& activation, Precision precision) {
    const Matrix in = s.matrix(rows, 16), wide = s.matrix(rows, 24);
    const Matrix out = s.matrix(rows, activation.gated ? 12 : 24);
    return s.log([&] { s.backend->linear_activate(weight, {}, activation, in, wide, out, precision); });
  };
  const Activation plain{ActivationKind::relu_squared, false}, gated{ActivationKind::silu, true};
  check(run(4, plain, Precision::fast), {"round", "linear bf16 [4, 16] x [24, 16]^T, squared ReLU"});
  check(run(5, plain, Precision::fast),
        {"round", "linear bf16 [8, 16] x [24, 16]^T, squared ReLU", "combine"});
  check(run(4, plain, Precision::exact), {"dot", "activate"});
  check(run(256, gated, Precision::fast), {"round", "linear bf16 [256, 16] x [24, 16]^T, SiLU, gated"});
  check(run(128, gated, Precision::fast), {"round", "linear bf16 [128, 16] x [24, 16]^T", "activate"});
  const Activation clamped{ActivationKind::quick_gelu, true, 7.0F, 1.0F};
  check(run(256, clamped, Precision::fast), {"round", "linear bf16 [256, 16] x [24, 16]^T", "activate"});
  const Activation learned{ActivationKind::xielu, false, 0.0F, 0.0F, 0.3F, 0.9F};
  check(run(4, learned, Precision::fast), {"round", "linear bf16 [4, 16] x [24, 16]^T", "activate"});
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_multiplied_exactly_keeps_its_type) {
  Setup s(Element::bf16);
  BOOST_TEST((s.weight(8, 16, DType::f32, Precision::exact).blocks.front().dtype == DType::f32));
  Setup exact(Element::f32);
  BOOST_TEST((exact.weight(8, 16, DType::f16, Precision::fast).blocks.front().dtype == DType::f16));
}

BOOST_AUTO_TEST_CASE(norms) {
  Setup s(Element::bf16);
  const Norm norm{NormKind::rms, 1e-5, std::vector<float>(16, 1.0F), {}};
  const Matrix four = s.matrix(4, 16), five = s.matrix(5, 16), other = s.matrix(5, 16);
  check(s.log([&] { s.backend->normalize(norm, four, other.slice_rows(0, 4)); }), {"RMS norm [4, 16]"});
  check(s.log([&] { s.backend->normalize(norm, four, four); }), {"norm"});
  check(s.log([&] { s.backend->normalize(norm, five, other); }), {"norm"});
}

BOOST_AUTO_TEST_CASE(attention) {
  auto run = [](Setup& s, const AttentionOptions& options, const std::vector<std::int64_t>& lengths) {
    std::vector<LayerCache> caches;
    std::vector<Segment> segments;
    std::int64_t rows = 0;
    for (std::size_t k = 0; k < lengths.size(); ++k)
      caches.emplace_back(2, 8, 8, [&](std::int64_t n) { return s.backend->allocate_cache_page(n); });
    for (std::size_t k = 0; k < lengths.size(); ++k) {
      segments.push_back({rows, lengths[k], 0, &caches[k]});
      rows += lengths[k];
    }
    const Matrix qkv = s.matrix(rows, 64), out = s.matrix(rows, 32);
    const Heads queries{qkv.data, rows, 64, 2, 32, 2, 8, 8};
    const Heads keys{qkv.data + 16, rows, 64, 2, 32, 1, 8, 8},
        values{qkv.data + 24, rows, 64, 2, 32, 1, 8, 8};
    return s.log([&] { s.backend->attend(options, queries, keys, values, segments, out); });
  };
  Setup s(Element::f16), exact(Element::f32);
  AttentionOptions options;
  const std::string tail = "1024 keys of 2 groups, values 8";
  check(run(s, options, {3}), {"store cache", "store cache", "pack queries",
                               "attention f16 queries [1, 4, 4, 8], " + tail, "unpack output"});
  // Sequences of one token are one batch, whatever stands between them.
  check(run(s, options, {1, 7, 1, 1}),
        {"store cache", "store cache", "pack queries", "attention f16 queries [4, 1, 4, 8], " + tail,
         "unpack output", "pack queries", "attention f16 queries [1, 8, 4, 8], " + tail, "unpack output"});
  check(run(exact, options, {3}), {"store cache", "store cache", "attend"});
  options.window = 9;
  options.sinks.assign(4, 0.0F);
  check(run(s, options, {1}),
        {"store cache", "store cache", "pack queries",
         "attention f16 queries [1, 2, 4, 8], " + tail + ", window 9, sinks", "unpack output"});
  options.soft_cap = 2.0F;
  check(run(s, options, {3}), {"store cache", "store cache", "attend"});
}

BOOST_AUTO_TEST_CASE(gated_delta_nets) {
  Setup s(Element::bf16);
  auto run = [&](std::int64_t kernel) {
    const Norm norm{NormKind::rms, 1e-6, {1, 1, 1, 1}, {}};
    const DeltaNet net{
        1, 2, 4, 4, kernel, std::vector<float>(static_cast<std::size_t>(16 * kernel)), {1, 1}, {0, 0}, norm};
    auto allocate = [&](std::int64_t n) { return s.backend->allocate_cache_page(n); };
    LayerCache first(1, 4, 4, allocate), second(1, 4, 4, allocate);
    const std::vector<Segment> segments{{0, 3, 0, &first}, {3, 1, 0, &second}};
    const Matrix in = s.matrix(4, 28), out = s.matrix(4, 8);
    return s.log([&] { s.backend->delta_net(net, in, segments, out); });
  };
  check(run(2), {"convolve", "keep inputs", "norm", "delta rule", "gated norm"});
  check(run(1), {"convolve", "norm", "delta rule", "gated norm"});  // sees no past
}

BOOST_AUTO_TEST_CASE(mamba_mixers) {
  Setup s(Element::bf16);
  auto run = [&](std::int64_t kernel) {
    MambaMixer mixer{2, 1, 4, 3, kernel, {}, std::vector<float>(14), {1, 1}, {0, 0}, {1, 1}, {}};
    mixer.convolution.resize(static_cast<std::size_t>(kernel * mixer.channels()));
    mixer.norm = {NormKind::rms, 1e-5, std::vector<float>(8, 1.0F), {}};
    LayerCache cache(2, 3, 4, [&](std::int64_t n) { return s.backend->allocate_cache_page(n); });
    const std::vector<Segment> segments{{0, 3, 0, &cache}};
    const Matrix in = s.matrix(3, mixer.width()), out = s.matrix(3, mixer.inner());
    return s.log([&] { s.backend->mamba(mixer, in, segments, out); });
  };
  check(run(2), {"convolve", "keep inputs", "scan", "gate and norm"});
  check(run(1), {"convolve", "scan", "gate and norm"});  // sees no past
}

BOOST_AUTO_TEST_CASE(the_largest_numbers) {
  Setup s(Element::bf16);
  const Matrix logits = s.matrix(2, 3000);
  check(s.log([&] { s.backend->largest(logits, 1); }), {"largest"});
  check(s.log([&] { s.backend->largest(logits, 128); }), {"largest"});
  check(s.log([&] { s.backend->largest(logits, 129); }), {});  // the host chooses
}

BOOST_AUTO_TEST_SUITE_END()
