#pragma once
// Element types of HDF5: memory types, names, and checked conversion.

#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>

#include "unroll/core/error.hpp"
#include "unroll/io/detail/hdf5_handles.hpp"

namespace unroll::detail {

/// Memory type to which libhdf5 converts.
template <class T>
hid_t hdf5_type() {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                "unroll: the element type of a dataset must be a number other than bool");
  if constexpr (std::is_same_v<T, float>)
    return H5T_NATIVE_FLOAT;
  else if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else if constexpr (std::is_signed_v<T>)
    return sizeof(T) == 1   ? H5T_NATIVE_INT8
           : sizeof(T) == 2 ? H5T_NATIVE_INT16
           : sizeof(T) == 4 ? H5T_NATIVE_INT32
                            : H5T_NATIVE_INT64;
  else
    return sizeof(T) == 1   ? H5T_NATIVE_UINT8
           : sizeof(T) == 2 ? H5T_NATIVE_UINT16
           : sizeof(T) == 4 ? H5T_NATIVE_UINT32
                            : H5T_NATIVE_UINT64;
}

inline std::string hdf5_type_name(hid_t type) {
  const std::string bits = text(8 * H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return "float" + bits;
    case H5T_INTEGER:
      return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_VLEN:
      return "ragged " + hdf5_type_name(Hdf5Handle(H5Tget_super(type), H5Tclose));
    case H5T_ENUM: {
      const std::string of = hdf5_type_name(Hdf5Handle(H5Tget_super(type), H5Tclose));
      const bool truth = H5Tget_nmembers(type) == 2 && H5Tget_member_index(type, "TRUE") >= 0 &&
                         H5Tget_member_index(type, "FALSE") >= 0;
      return truth ? "bool" : "enumerated " + of;
    }
    case H5T_STRING:
      return "text";
    default:
      return "something else than numbers";
  }
}

template <class T>
bool is_infinite_at(const void* number) {
  T value;
  std::memcpy(&value, number, sizeof value);
  return std::isinf(value);
}

/// Conversion callback that stops reading at a number the memory type cannot represent, as in Tensor::to.
/// Floating-point numbers may be rounded to fewer digits, integers may not. Infinities and NaN are allowed in
/// floating-point types.
inline H5T_conv_ret_t stop_at_lost_number(H5T_conv_except_t what, hid_t from, hid_t to, void* x, void*, void* lost) {
  const bool too_large = what == H5T_CONV_EXCEPT_RANGE_HI || what == H5T_CONV_EXCEPT_RANGE_LOW;
  const bool rounded = H5Tget_class(from) == H5T_FLOAT && H5Tget_class(to) == H5T_FLOAT;
  // libhdf5 reports infinity as out of range of a smaller type.
  const bool infinite = rounded && too_large &&
                        ((H5Tequal(from, H5T_NATIVE_DOUBLE) > 0 && is_infinite_at<double>(x)) ||
                         (H5Tequal(from, H5T_NATIVE_LDOUBLE) > 0 && is_infinite_at<long double>(x)));
  if (rounded && (!too_large || infinite)) return H5T_CONV_UNHANDLED;
  *static_cast<bool*>(lost) = true;
  return H5T_CONV_ABORT;
}

}  // namespace unroll::detail
