// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>

#include "mhub/store/pickle/reader.hpp"

namespace mhub {
namespace {

// Since a name is only ever data here, this list is not what keeps us safe; it is what keeps a hostile
// checkpoint from passing unnoticed through us to somebody whose loader does execute names.
constexpr std::array<std::string_view, 55> kExact{
    "collections OrderedDict",
    "collections defaultdict",
    "argparse Namespace",
    "types SimpleNamespace",
    "_codecs encode",
    "builtins set",
    "builtins frozenset",
    "builtins bytearray",
    "builtins complex",
    "builtins int",
    "builtins float",
    "builtins str",
    "builtins bool",
    "builtins list",
    "builtins dict",
    "builtins tuple",
    "builtins slice",
    "__builtin__ set",
    "__builtin__ frozenset",
    "__builtin__ bytearray",
    "__builtin__ complex",
    "copyreg _reconstructor",
    "copy_reg _reconstructor",
    "builtins object",
    "__builtin__ object",
    "pathlib Path",
    "pathlib PosixPath",
    "pathlib PurePosixPath",
    "pathlib._local PosixPath",
    "datetime timedelta",
    "signal Signals",
    "_io BytesIO",
    "numpy dtype",
    "numpy ndarray",
    "numpy.core.multiarray scalar",
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray scalar",
    "numpy._core.multiarray _reconstruct",
    "torch.serialization _get_layout",
    "torch.nn.parameter Parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor_v3",
    "torch._utils _rebuild_parameter_with_state",
    "torch._tensor _rebuild_from_type_v2",
    "torch.nn.parameter Buffer",
    "collections Counter",
    "collections deque",
    "__builtin__ int",
    "__builtin__ float",
    "__builtin__ slice",
    "builtins bytes",
    "numpy.core.numeric _frombuffer",
    "numpy._core.numeric _frombuffer",
};

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
  if (std::find(kExact.begin(), kExact.end(), name) != kExact.end()) return true;
  // A dot in the name itself walks attributes ("megatron.x os.system"): never needed, always refused.
  if (name.substr(std::min(name.find(' '), name.size())).find('.') != std::string_view::npos) return false;
  return is_torch_type(name) || std::any_of(kModules.begin(), kModules.end(), [&](std::string_view prefix) {
           return name.starts_with(prefix);
         });
}

}  // namespace mhub
