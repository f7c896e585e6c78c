// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <initializer_list>

#include "mhub/store/pickle/pickle.hpp"

namespace mhub {
namespace {

// What a pickle may call. Since a name is only ever data here, this list is not what keeps us safe; it is
// what keeps a hostile checkpoint from passing unnoticed through us to somebody whose loader does execute
// names.
struct Module {
  std::string_view name;
  std::initializer_list<std::string_view> members;
};

const std::array<Module, 27> kExact{{
    {"collections", {"OrderedDict", "defaultdict", "Counter", "deque"}},
    {"argparse", {"Namespace"}},
    {"types", {"SimpleNamespace"}},
    {"_codecs", {"encode"}},
    {"builtins",
     {"set", "frozenset", "bytearray", "complex", "int", "float", "str", "bool", "list", "dict", "tuple",
      "slice", "range", "object", "bytes"}},
    {"__builtin__",
     {"set", "frozenset", "bytearray", "complex", "object", "int", "float", "slice", "xrange"}},
    {"copyreg", {"_reconstructor"}},
    {"copy_reg", {"_reconstructor"}},
    {"pathlib", {"Path", "PosixPath", "PurePosixPath"}},
    {"pathlib._local", {"PosixPath"}},
    {"datetime", {"timedelta", "datetime", "date", "time", "timezone"}},
    {"decimal", {"Decimal"}},
    {"fractions", {"Fraction"}},
    {"uuid", {"UUID"}},
    {"re", {"_compile"}},
    {"functools", {"partial"}},
    {"signal", {"Signals"}},
    {"_io", {"BytesIO"}},
    {"numpy", {"dtype", "ndarray"}},
    {"numpy.core.multiarray", {"scalar", "_reconstruct"}},
    {"numpy._core.multiarray", {"scalar", "_reconstruct"}},
    {"numpy.core.numeric", {"_frombuffer"}},
    {"numpy._core.numeric", {"_frombuffer"}},
    {"torch.serialization", {"_get_layout"}},
    {"torch.nn.parameter", {"Parameter", "Buffer"}},
    {"torch._tensor", {"_rebuild_from_type_v2"}},
    {"torch._utils",
     {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
      "_rebuild_parameter_with_state"}},
}};

// Megatron's and torch's own plain data classes and enumerations.
constexpr std::array<std::string_view, 6> kModules{"megatron.",
                                                   "torch.distributed.checkpoint.",
                                                   "torch.distributed._shard.sharded_tensor.metadata ",
                                                   "transformer_engine.",
                                                   "modelopt.",
                                                   "torch.storage "};

bool is_torch_type(std::string_view name) {
  if (!name.starts_with("torch ")) return false;
  const std::string_view type = name.substr(6);
  constexpr std::array<std::string_view, 4> kOthers{"Size", "device", "layout", "memory_format"};
  constexpr std::array<std::string_view, 8> kDtypes{"float", "bfloat",  "int",  "uint",
                                                    "bool",  "complex", "half", "double"};
  auto starts = [&](std::string_view prefix) { return type.starts_with(prefix); };
  return type.ends_with("Storage") || type.ends_with("Tensor") || type == "long" || type == "short" ||
         std::find(kOthers.begin(), kOthers.end(), type) != kOthers.end() ||
         std::any_of(kDtypes.begin(), kDtypes.end(), starts);
}

}  // namespace

bool is_allowed_global(const std::string& module_and_name) {
  const std::string_view name = module_and_name;
  const std::size_t space = std::min(name.find(' '), name.size());
  const std::string_view member = name.substr(std::min(space + 1, name.size()));
  for (const Module& one : kExact) {
    if (one.name != name.substr(0, space)) continue;
    if (std::find(one.members.begin(), one.members.end(), member) != one.members.end()) return true;
  }
  // A dot in the name itself walks attributes ("megatron.x os.system"): never needed, always refused.
  if (member.find('.') != std::string_view::npos) return false;
  return is_torch_type(name) || std::any_of(kModules.begin(), kModules.end(), [&](std::string_view prefix) {
           return name.starts_with(prefix);
         });
}

}  // namespace mhub
