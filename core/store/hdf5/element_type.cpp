// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/element_type.hpp"

#include <algorithm>
#include <cstdint>

namespace mhub {
namespace {

/// IEEE binary16, which HDF5 1.10 has no name for; the same fields as h5py's float16.
Hdf5Handle half_type() {
  Hdf5Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(type.get(), 15, 10, 5, 0, 10);
  H5Tset_size(type.get(), 2);
  H5Tset_ebias(type.get(), 15);
  return type;
}

Hdf5Handle boolean_type() {
  Hdf5Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const std::int8_t no = 0, yes = 1;
  H5Tenum_insert(type.get(), "FALSE", &no);
  H5Tenum_insert(type.get(), "TRUE", &yes);
  return type;
}

Hdf5Handle complex_type() {
  Hdf5Handle type(H5Tcreate(H5T_COMPOUND, 8), H5Tclose);
  H5Tinsert(type.get(), "r", 0, H5T_IEEE_F32LE);
  H5Tinsert(type.get(), "i", 4, H5T_IEEE_F32LE);
  return type;
}

hid_t predefined(DType dtype) {
  switch (dtype) {
    case DType::f64: return H5T_IEEE_F64LE;
    case DType::f32: return H5T_IEEE_F32LE;
    case DType::bf16:
    case DType::u16: return H5T_STD_U16LE;
    case DType::f8_e4m3:
    case DType::f8_e5m2:
    case DType::f8_e8m0:
    case DType::u8: return H5T_STD_U8LE;
    case DType::i64: return H5T_STD_I64LE;
    case DType::i32: return H5T_STD_I32LE;
    case DType::i16: return H5T_STD_I16LE;
    case DType::i8: return H5T_STD_I8LE;
    case DType::u64: return H5T_STD_U64LE;
    case DType::u32: return H5T_STD_U32LE;
    case DType::f16:
    case DType::boolean:
    case DType::c64: break;
  }
  return H5I_INVALID_HID;
}

}  // namespace

Hdf5Handle hdf5_type(DType dtype) {
  switch (dtype) {
    case DType::f16: return half_type();
    case DType::boolean: return boolean_type();
    case DType::c64: return complex_type();
    default: return {H5Tcopy(predefined(dtype)), H5Tclose};
  }
}

Hdf5Handle hdf5_text_type(std::size_t bytes) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), std::max<std::size_t>(1, bytes));
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

}  // namespace mhub
