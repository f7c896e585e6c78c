// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/store/hdf5/hdf5.hpp"

namespace mhub {

// What lies behind `make_hdf5_sink` and `open_hdf5`, in a library of its own (libmhub_hdf5.so): HDF5 with the
// 35 libraries that Debian's build of it needs (curl, OpenSSL, Kerberos, ...) would add 5 ms to every start
// of mhub.

std::unique_ptr<Hdf5Sink> make_hdf5_file_sink(const std::string& path, std::vector<SinkTensor> tensors,
                                              const Hdf5Contents& contents);
Hdf5Archive open_hdf5_file(const std::string& path);

struct Hdf5Driver {
  decltype(&make_hdf5_file_sink) make_sink;
  decltype(&open_hdf5_file) open;
};

}  // namespace mhub

extern "C" const mhub::Hdf5Driver mhub_hdf5_driver;
