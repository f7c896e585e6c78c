// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mhub/base/file.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub::converters {

/// Reads the arrays of an .npy file, in which numpy.save to an open file puts one behind the other
/// (numpy/lib/format.py, versions 1 to 3). Row-major float32 and int64 alone.
class NpyReader {
 public:
  /// Throws InputError when it does not begin as such a file, IoError.
  explicit NpyReader(const std::string& path);

  /// The next array; `what` names it in messages. Throws InputError when there is none, it has another type
  /// or another number of axes, or the file ends in it.
  std::vector<std::int64_t> integers(const std::string& what);
  std::vector<float> floats(const std::string& what, Shape& shape, std::size_t axes);

 private:
  Shape header(const std::string& what, const std::string& type, std::size_t axes);
  template <class Number>
  std::vector<Number> numbers(const std::string& what, const Shape& shape);

  InputFile file_;
  std::uint64_t at_ = 0;
};

}  // namespace mhub::converters
