// SPDX-License-Identifier: Apache-2.0
#include "converters/shares.hpp"

#include <map>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(shares)

using namespace mhub;
using namespace mhub::converters;

namespace {

std::optional<Rank> rank_in(const std::map<std::string, std::string>& environment) {
  return rank_of([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(launchers_say_which_rank_it_is) {
  BOOST_TEST(!rank_in({}).has_value());
  BOOST_TEST(!rank_in({{"OMPI_COMM_WORLD_RANK", "1"}}).has_value());
  const auto open = rank_in({{"OMPI_COMM_WORLD_RANK", "3"},
                             {"OMPI_COMM_WORLD_SIZE", "4"},
                             {"PMIX_NAMESPACE", "77"},
                             {"SLURM_PROCID", "0"},
                             {"SLURM_NTASKS", "1"}});
  BOOST_TEST((open->rank == 3 && open->size == 4 && open->run == "77."));
  const auto hydra = rank_in({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}});
  BOOST_TEST((hydra->rank == 0 && hydra->size == 2 && hydra->run.empty()));
  const auto srun =
      rank_in({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}, {"SLURM_JOB_ID", "9"}, {"SLURM_STEP_ID", "0"}});
  BOOST_TEST((srun->rank == 1 && srun->size == 2 && srun->run == "9.0."));
}

BOOST_AUTO_TEST_CASE(what_no_launcher_says_is_refused) {
  for (const auto& [rank, size] :
       std::map<std::string, std::string>{{"4", "4"}, {"-1", "4"}, {"x", "4"}, {"", "4"}, {"0", "0"}})
    BOOST_CHECK_THROW(rank_in({{"PMI_RANK", rank}, {"PMI_SIZE", size}}), UsageError);
  for (const std::string part : {"2", "3/2", "0/2", "x/2", "1/", "/"})
    BOOST_CHECK_THROW(parse_part(part), UsageError);
  BOOST_TEST((parse_part("2/3").part == 2 && parse_part("2/3").of == 3));
}

BOOST_AUTO_TEST_SUITE_END()
