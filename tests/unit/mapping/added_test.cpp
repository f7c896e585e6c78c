// SPDX-License-Identifier: Apache-2.0
// Constants that a map adds: they compose and invert with the boxes, plans carry them out, and the element
// type is chosen so that nothing is lost.
#include <cmath>
#include <cstring>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/tensor/convert.hpp"

BOOST_AUTO_TEST_SUITE(added_tests)

using namespace mhub;

namespace {

class Memory final : public ByteSource {
 public:
  explicit Memory(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::vector<std::byte> bytes_;
  std::string name_ = "memory";
};

StoredTensor stored(const std::string& name, DType dtype, const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  convert_elements(DType::f32, reinterpret_cast<const std::byte*>(values.data()), dtype, bytes.data(),
                   values.size());
  const auto size = static_cast<std::int64_t>(values.size());
  return {name, dtype, {size}, {{{0}, {size}, {1}, std::make_shared<Memory>(std::move(bytes)), 0}}};
}

/// Two norms that Megatron stores minus one, and one that it does not.
StateMap norms() {
  Mapping map;
  map.index("i", 2);
  map.rule("layers.{i}.norm", zero_centered(replicated("hf.{i}.norm", {3})));
  map.rule("plain", replicated("hf.plain", {3}));
  return expand(map).import;
}

std::vector<float> read(const StateMap& map, std::size_t destination, const StoredTensor& source,
                        DType dtype) {
  StateMap one{{{source.name, source.shape}}, {map.destination[destination]}, {map.terms[destination]}};
  for (Term& term : one.terms[0]) term.source = 0;
  const Shape& shape = map.destination[destination].shape;
  const CopyPlan plan = compile(one, {&source}, {{"d", dtype, shape, {{{0}, shape, 0}}}});
  std::vector<std::byte> bytes(static_cast<std::size_t>(numel(shape)) * size_of(dtype));
  WindowReader().read(plan.chunks[0], 0, numel(shape), bytes);
  std::vector<float> values(static_cast<std::size_t>(numel(shape)));
  convert_elements(dtype, bytes.data(), DType::f32, reinterpret_cast<std::byte*>(values.data()),
                   values.size());
  return values;
}

DType chosen(const std::vector<float>& values, DType dtype) {
  const StateMap import = norms();
  const StoredTensor a = stored("hf.0.norm", dtype, values), b = stored("hf.1.norm", dtype, values),
                     c = stored("hf.plain", dtype, values);
  const std::vector<DType> candidates{dtype, DType::f32, DType::f64};
  return exact_dtype(import, 1, {&a, &b, &c}, candidates);
}

}  // namespace

BOOST_AUTO_TEST_CASE(constants_compose_and_invert) {
  const StateMap import = norms(), back = inverted(import);
  BOOST_TEST(added_to(import, 0) == -1.0);
  BOOST_TEST(added_to(import, 2) == 0.0);
  BOOST_TEST(added_to(back, 1) == 1.0);
  const StateMap round = compose(import, back, "test");
  for (std::size_t d = 0; d < round.destination.size(); ++d) BOOST_TEST(added_to(round, d) == 0.0);
  const StateMap there = compose(compose(import, back, "test"), import, "test");
  BOOST_TEST(added_to(there, 1) == -1.0);
}

BOOST_AUTO_TEST_CASE(plans_add) {
  const StateMap import = norms();
  const std::vector<float> values{1.0F, 0.75F, 2.5F};
  const StoredTensor source = stored("hf.0.norm", DType::bf16, values);
  for (const DType dtype : {DType::bf16, DType::f32, DType::f64}) {
    BOOST_TEST(read(import, 0, source, dtype) == (std::vector<float>{0.0F, -0.25F, 1.5F}),
               boost::test_tools::per_element());
    BOOST_TEST(read(inverted(import), 0, source, dtype) == (std::vector<float>{2.0F, 1.75F, 3.5F}),
               boost::test_tools::per_element());
  }
  BOOST_CHECK_THROW(
      compile(import, {&source, &source, &source}, {{"d", DType::i64, {3}, {}}, {"e", DType::f32, {3}, {}}}),
      InputError);
}

BOOST_AUTO_TEST_CASE(the_element_type_loses_nothing) {
  BOOST_TEST((chosen({1.0F, 0.75F, 1.5F}, DType::bf16) == DType::bf16));
  BOOST_TEST((chosen({1.0F, 0.2001953125F, 1.5F}, DType::bf16) == DType::f32));
  BOOST_TEST((chosen({1.0F, 0.7123456F, 1.5F}, DType::f32) == DType::f32));
  BOOST_TEST((chosen({1.0F, std::nextafter(0.25F, 1.0F), 1.5F}, DType::f32) == DType::f64));
  try {
    chosen({1.0F, 1.0F, -0.0F}, DType::f32);
    BOOST_ERROR("a negative zero was accepted");
  } catch (const InputError& error) {
    const std::string text = error.what();
    BOOST_TEST(text.find("layers.1.norm: element 2 is made of -0 minus 1") != std::string::npos, text);
  }
}

BOOST_AUTO_TEST_CASE(one_tensor_changes_as_a_whole) {
  StateMap map{
      {{"a", {1}}, {"b", {1}}}, {{"d", {2}}}, {{{0, run_box(0, 0, 1), -1.0}, {1, run_box(0, 1, 1)}}}};
  BOOST_CHECK_THROW(added_to(map, 0), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
