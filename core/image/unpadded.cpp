// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/unpadded.hpp"

#include <cmath>

namespace mhub::image {

Extent unpadded(Extent grid, Extent picture) {
  const auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  const auto rows = static_cast<double>(grid.height), columns = static_cast<double>(grid.width);
  // int(round(x, 7)) of Python: what is a hair below a whole number counts as that.
  const auto whole = [](double x) { return static_cast<std::int64_t>(std::nearbyint(x * 1e7) / 1e7); };
  if (width / height > columns / rows) {
    grid.height -= (grid.height - whole(height * (columns / width))) / 2 * 2;
  } else {
    grid.width -= (grid.width - whole(width * (rows / height))) / 2 * 2;
  }
  return grid;
}

Extent at_most(Extent grid, std::int64_t features) {
  const double ratio =
      std::sqrt(static_cast<double>(grid.height * grid.width) / static_cast<double>(features));
  if (!(ratio > 1.1)) return grid;
  // Python's // of a float.
  return {static_cast<std::int64_t>(std::floor(static_cast<double>(grid.height) / ratio)),
          static_cast<std::int64_t>(std::floor(static_cast<double>(grid.width) / ratio))};
}

}  // namespace mhub::image
