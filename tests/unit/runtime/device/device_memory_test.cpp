// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_memory.hpp"

#include <boost/test/unit_test.hpp>

#include "mhub/runtime/device/graph_spec.hpp"
#include "runtime/device/host_device.hpp"

using namespace mhub::runtime;
using mhub::tests::HostDevice;

BOOST_AUTO_TEST_SUITE(device_memory)

BOOST_AUTO_TEST_CASE(scratch_grows_and_is_used_again) {
  HostDevice device;
  DeviceScratch scratch(device);
  void* small = scratch.get("a", 100);
  BOOST_TEST(scratch.get("a", 50) == small);
  BOOST_TEST(scratch.get("b", 50) != small);
  BOOST_TEST(scratch.get("a", 1000) != nullptr);
  const std::vector<std::int32_t> values{1, 2, 3};
  BOOST_TEST(scratch.upload("a", std::span<const std::int32_t>(values))[2] == 3);
}

BOOST_AUTO_TEST_CASE(a_parcel_keeps_arrays_apart_and_aligned) {
  Parcel parcel;
  const std::vector<std::int32_t> a{1, 2, 3};
  const std::vector<double> b{0.5, 1.5};
  const std::size_t at_a = parcel.add(std::span<const std::int32_t>(a)),
                    at_b = parcel.add(std::span<const double>(b));
  BOOST_TEST(at_b % alignof(double) == 0U);
  BOOST_TEST(*reinterpret_cast<const std::int32_t*>(parcel.bytes().data() + at_a + 8) == 3);
  BOOST_TEST(*reinterpret_cast<const double*>(parcel.bytes().data() + at_b + 8) == 1.5);
}

BOOST_AUTO_TEST_CASE(constants_are_sent_once_and_again_when_they_change) {
  HostDevice device;
  Constants constants(device);
  std::vector<float> values{1.0F, 2.0F};
  const float* sent = constants.get(values);
  BOOST_TEST(sent[1] == 2.0F);
  BOOST_TEST(constants.get(values) == sent);
  values[1] = 3.0F;
  BOOST_TEST(constants.get(values)[1] == 3.0F);
  BOOST_TEST(constants.get({}) == nullptr);
}

BOOST_AUTO_TEST_CASE(recent_arrays_are_found_by_their_values) {
  HostDevice device;
  RecentArrays recent(device);
  std::vector<const float*> sent;
  for (int k = 0; k < 4; ++k) sent.push_back(recent.get(std::vector<float>(8, static_cast<float>(k))));
  for (int k = 0; k < 4; ++k)
    BOOST_TEST(recent.get(std::vector<float>(8, static_cast<float>(k))) == sent[static_cast<std::size_t>(k)]);
  BOOST_TEST(recent.get(std::vector<float>(20, 9.0F))[19] == 9.0F);  // in the place of the oldest
  BOOST_TEST(recent.get(std::vector<float>(8, 3.0F)) == sent[3]);
}

BOOST_AUTO_TEST_CASE(graphs_are_built_for_few_sizes) {
  BOOST_TEST(padded_count(1) == 1);
  BOOST_TEST(padded_count(3) == 4);
  BOOST_TEST(padded_count(300) == 512);
  BOOST_TEST(padded_count(513) == 1024);
  BOOST_TEST(padded_count(1025) == 1536);
  BOOST_TEST(padded_keys(1) == 1024);
  BOOST_TEST(padded_keys(1025) == 4096);
}

BOOST_AUTO_TEST_SUITE_END()
