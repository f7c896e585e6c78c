// SPDX-License-Identifier: Apache-2.0
// What nearly every source file reads anyway, parsed once. Nothing of mhub's own: a file includes what it
// uses, and -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows that it does.
#include <algorithm>
#include <any>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>
