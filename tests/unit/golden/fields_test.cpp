// SPDX-License-Identifier: Apache-2.0
// What Megatron-LM's model does with its arguments, recorded by tests/interop/fields_sweep.py: where its
// logits or tensors change, mhub reads another model or refuses; where they do not, it reads the same model.
#include <filesystem>
#include <fstream>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/megatron/megatron_args.hpp"

BOOST_AUTO_TEST_SUITE(fields_tests)

using namespace mhub;
using Json = nlohmann::json;

namespace {

/// The model that the arguments describe, or why there is none.
Json model_of(const Json& args) {
  try {
    return described(read_description(args, Dialect::args, "args"));
  } catch (const InputError& error) {
    return std::string(error.what());
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(arguments_mean_what_they_mean_to_megatron) {
  const std::filesystem::path folder = std::filesystem::path(MHUB_GOLDEN_FACTS).parent_path() / "fields";
  std::set<std::string> bases;
  std::size_t changes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path());
    const Json facts = Json::parse(in);
    const Json base = model_of(facts.at(0));
    BOOST_REQUIRE_MESSAGE(base.is_object(), file.path() << ": " << base);
    bases.insert(file.path().stem());
    for (auto fact = facts.begin() + 1; fact != facts.end(); ++fact, ++changes) {
      Json args = facts.at(0);
      args.update(fact->at(0));
      const Json model = model_of(args);
      BOOST_TEST((model == base) == fact->at(1).get<bool>(), file.path().stem()
                                                                 << " " << fact->at(0) << ": " << model);
    }
  }
  BOOST_TEST(bases == (std::set<std::string>{"experts", "gpt", "latent", "llama", "shared", "sparse"}),
             boost::test_tools::per_element());
  BOOST_TEST(changes > 200U);
}

BOOST_AUTO_TEST_SUITE_END()
