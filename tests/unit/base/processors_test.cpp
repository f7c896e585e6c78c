// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/processors.hpp"

#include <map>
#include <sched.h>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(processors)

using namespace mhub;

BOOST_AUTO_TEST_CASE(a_control_groups_quota) {
  BOOST_TEST(cgroup_quota("200000 100000").value() == 2);
  BOOST_TEST(cgroup_quota("150000 100000").value() == 2);
  BOOST_TEST(cgroup_quota("5000 100000").value() == 1);
  for (const char* none : {"max 100000", "", "max", "0 100000", "100000 0", "x y", "-1 100000"})
    BOOST_TEST(!cgroup_quota(none).has_value(), none);
}

BOOST_AUTO_TEST_CASE(what_slurm_gives) {
  std::map<std::string, std::string> variables;
  const auto variable = [&](const char* name) { return variables[name]; };
  BOOST_TEST(!slurm_processors(variable).has_value());
  variables["SLURM_CPUS_ON_NODE"] = "8";
  BOOST_TEST(slurm_processors(variable).value() == 8);
  variables["SLURM_CPUS_PER_TASK"] = "2";
  BOOST_TEST(slurm_processors(variable).value() == 2);
  variables["SLURM_CPUS_PER_TASK"] = "many";
  BOOST_TEST(slurm_processors(variable).value() == 8);
}

BOOST_AUTO_TEST_CASE(no_more_than_the_process_is_bound_to) {
  cpu_set_t before, one;
  BOOST_REQUIRE(::sched_getaffinity(0, sizeof(before), &before) == 0);
  BOOST_TEST(usable_processors() <= CPU_COUNT(&before));
  CPU_ZERO(&one);
  for (int k = 0; CPU_COUNT(&one) == 0; ++k) {
    if (CPU_ISSET(k, &before)) CPU_SET(k, &one);
  }
  BOOST_REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
  BOOST_TEST(usable_processors() == 1);
  BOOST_TEST(::sched_setaffinity(0, sizeof(before), &before) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
