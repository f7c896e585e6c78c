// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "mhub/store/hdf5/library.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// The HDF5 type that holds elements of `dtype`: the little-endian one of that kind and width; for types that
/// HDF5 lacks (bfloat16, the 8-bit floats) the unsigned integer of their width; for bool and complex64 what
/// h5py makes of numpy's types (enum FALSE/TRUE of int8, compound r/i of float32). Call under Hdf5Lock.
Hdf5Handle hdf5_type(DType dtype);

/// A fixed-length UTF-8 string of `bytes` bytes, at least one.
Hdf5Handle hdf5_text_type(std::size_t bytes);

}  // namespace mhub
