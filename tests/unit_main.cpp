// SPDX-License-Identifier: Apache-2.0
// The main function of every Boost.Test program under tests/unit.
#define BOOST_TEST_MODULE mhub
#include <boost/test/unit_test.hpp>
