// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/driver.hpp"

const mhub::Hdf5Driver mhub_hdf5_driver{mhub::make_hdf5_file_sink, mhub::open_hdf5_file};
