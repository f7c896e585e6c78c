// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/pickle/pickle.hpp"
#include "mhub/store/torch_zip/negated.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLargestPickle = 512 << 20;

constexpr std::size_t kMostAxes = 64;

Shape as_shape(const PickleNode& node, const std::string& what) {
  Shape shape;
  const auto& sizes = node.as_sequence(what);
  if (sizes.size() > kMostAxes) throw InputError(what + ": " + std::to_string(sizes.size()) + " axes");
  for (const PickleNode* size : sizes) shape.push_back(size->as_integer(what));
  return shape;
}

/// The call of a _rebuild_tensor function inside the forms that wrap it: parameters (torch/nn/parameter.py,
/// __reduce_ex__) and tensors with Python attributes (torch/_tensor.py, _rebuild_from_type_v2).
const PickleNode* unwrap(const PickleNode& node) {
  if (node.kind != PickleNode::Kind::object) return nullptr;
  const auto& arguments = node.items[1]->items;
  if (node.is_object("torch._utils _rebuild_parameter") ||
      node.is_object("torch._utils _rebuild_parameter_with_state"))
    return arguments.empty() ? nullptr : arguments[0];
  return &node;
}

/// How the arguments of a _rebuild_tensor function end (torch/_utils.py).
struct RebuildForm {
  std::string_view function;
  std::size_t dtype;     ///< index of an explicit type; 0 for none
  std::size_t metadata;  ///< index of the optional last argument, behind which nothing may stand; 0 for none
};
constexpr std::array<RebuildForm, 3> kRebuildForms{{{"torch._utils _rebuild_tensor", 0, 0},
                                                    {"torch._utils _rebuild_tensor_v2", 0, 6},
                                                    {"torch._utils _rebuild_tensor_v3", 6, 7}}};

const RebuildForm* form_of(const PickleNode& function) {
  const auto form = std::find_if(kRebuildForms.begin(), kRebuildForms.end(),
                                 [&](const RebuildForm& one) { return function.is_global(one.function); });
  return form == kRebuildForms.end() ? nullptr : form;
}

/// Whether the tensor is what its bytes say times minus one. torch keeps "neg" and "conj" beside the bytes
/// (torch/_utils.py, set_tensor_metadata); whatever else is said there changes values in ways unknown here.
bool is_negated(const RebuildForm& form, const std::vector<const PickleNode*>& arguments, DType dtype,
                const std::string& where) {
  const std::size_t known = form.metadata == 0 ? 4 : form.metadata + 1;
  if (arguments.size() > known)
    throw InputError(where + ": " + std::to_string(arguments.size()) + " arguments, expected at most " +
                     std::to_string(known));
  if (form.metadata == 0 || arguments.size() <= form.metadata ||
      arguments[form.metadata]->is(PickleNode::Kind::none))
    return false;
  bool negative = false;
  for (const auto& [key, value] : arguments[form.metadata]->as_named(where + ": metadata")) {
    if (value->is(PickleNode::Kind::boolean) && value->integer == 0) continue;
    if (key != "neg" || !value->is(PickleNode::Kind::boolean) || !is_floating(dtype))
      throw InputError(where + " " + std::string(torch_name(dtype)) + ": unsupported mark \"" +
                       printable(key) +
                       "\"; save it again as tensor.resolve_conj().resolve_neg().contiguous()");
    negative = true;
  }
  return negative;
}

std::vector<StoredTensor> read_torch_bin(const std::shared_ptr<const ByteSource>& file) {
  const TorchArchive archive(file);
  const std::string& path = file->name();
  std::vector<StoredTensor> tensors;
  for (const auto& [name, node] : archive.root().as_named(path)) {
    auto tensor = archive.tensor(*node, std::string(name));
    if (!tensor)
      throw InputError(path + ": " + printable(name) + ": expected a tensor, found " + describe(*node));
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

}  // namespace

std::string_view torch_member(const PickleNode& node) {
  constexpr std::string_view kModule = "torch ";
  const std::string_view name = node.text;
  const bool member = node.is(PickleNode::Kind::global) && name.starts_with(kModule);
  return member ? name.substr(kModule.size()) : std::string_view();
}

TorchArchive::TorchArchive(const std::shared_ptr<const ByteSource>& file)
    : TorchArchive(file, 0, file->size(), file->name()) {}

TorchArchive::TorchArchive(const std::string& path) : TorchArchive(std::make_shared<InputFile>(path)) {}

TorchArchive::TorchArchive(std::shared_ptr<const ByteSource> bytes, std::uint64_t begin, std::uint64_t length,
                           const std::string& what)
    : zip_(std::move(bytes), begin, length, what) {
  for (const auto& [name, record] : zip_.records()) {
    if (!name.ends_with("/data.pkl")) continue;
    if (!prefix_.empty()) throw InputError(what + ": two data.pkl records");
    prefix_ = name.substr(0, name.size() - std::string_view("data.pkl").size());
  }
  if (prefix_.empty()) throw InputError(what + ": no data.pkl record; not a torch.save archive");
  if (zip_.records().contains(prefix_ + "byteorder") && zip_.read(prefix_ + "byteorder", 16) != "little") {
    throw InputError(what + ": saved on a big-endian machine; not supported");
  }
  const std::string pickle = zip_.read(prefix_ + "data.pkl", kLargestPickle);
  const auto arena = std::make_shared<PickleArena>();
  root_ = {arena, read_pickle(std::as_bytes(std::span(pickle)), *arena, what + ": data.pkl")};
}

std::optional<StoredTensor> TorchArchive::tensor(const PickleNode& node, const std::string& name) const {
  const PickleNode* call = unwrap(node);
  if (call == nullptr || call->kind != PickleNode::Kind::object) return std::nullopt;
  const auto& arguments = call->items[1]->items;
  if (!call->is_object("torch._tensor _rebuild_from_type_v2"))
    return rebuilt(*call->items[0], arguments, name);
  // (function, class, arguments, state)
  if (arguments.size() < 3 || !arguments[2]->is(PickleNode::Kind::tuple)) return std::nullopt;
  return rebuilt(*arguments[0], arguments[2]->items, name);
}

std::optional<StoredTensor> TorchArchive::rebuilt(const PickleNode& function,
                                                  const std::vector<const PickleNode*>& arguments,
                                                  const std::string& name) const {
  const RebuildForm* form = form_of(function);
  if (form == nullptr) return std::nullopt;
  const std::string where = what() + ": tensor " + name;
  if (arguments.size() < 4 || !arguments[0]->is(PickleNode::Kind::persistent))
    throw InputError(where + ": unknown form");
  // ('storage', <type>, key, device, elements): torch/serialization.py, persistent_id
  const auto& id = arguments[0]->items[0]->as_sequence(where + ": storage");
  if (id.size() < 5 || !id[1]->is(PickleNode::Kind::global)) throw InputError(where + ": unknown storage");
  std::optional<DType> dtype = dtype_from_torch_storage(torch_member(*id[1]));
  if (form->dtype != 0 && arguments.size() > form->dtype && !torch_member(*arguments[form->dtype]).empty())
    dtype = dtype_from_torch(torch_member(*arguments[form->dtype]));
  if (!dtype) throw InputError(where + ": unsupported type " + printable(id[1]->text));
  StoredTensor tensor{name, *dtype, as_shape(*arguments[2], where + ": size"), {}};
  const Index strides = as_shape(*arguments[3], where + ": stride");
  const std::int64_t offset = arguments[1]->as_integer(where + ": storage offset");
  const auto count = checked_numel(tensor.shape);
  if (!count || offset < 0 || strides.size() != tensor.shape.size())
    throw InputError(where + ": impossible shape " + to_string(tensor.shape));

  const std::string record_name = prefix_ + "data/" + id[2]->as_string(where + ": storage key");
  const auto record = zip_.records().find(record_name);
  if (record == zip_.records().end()) throw InputError(where + ": record " + record_name + " is missing");
  const auto capacity = static_cast<std::int64_t>(record->second.size / size_of(*dtype));
  // A tensor that is larger than its storage (an expanded one) would cost the file nothing and us everything.
  if (*count > capacity) {
    throw InputError(where + ": shape " + to_string(tensor.shape) + " is larger than its storage of " +
                     std::to_string(capacity) + " elements");
  }
  std::int64_t last = offset;
  for (std::size_t axis = 0; axis < strides.size() && *count > 0; ++axis) {
    const std::int64_t steps = tensor.shape[axis] - 1;
    if (strides[axis] < 0 || (steps > 0 && strides[axis] > capacity / steps)) last = capacity;
    if (last < capacity) last += steps * strides[axis];
  }
  if (*count > 0 && last >= capacity) {
    throw InputError(where + ": shape " + to_string(tensor.shape) + " reaches beyond its storage of " +
                     std::to_string(capacity) + " elements");
  }
  const std::uint64_t data = zip_.data_offset(record_name, record->second);
  std::shared_ptr<const ByteSource> bytes = zip_.bytes();
  if (is_negated(*form, arguments, *dtype, where)) bytes = negated(std::move(bytes), data, *dtype);
  tensor.chunks.push_back({Index(tensor.shape.size(), 0), tensor.shape, strides, std::move(bytes),
                           *count > 0 ? data + static_cast<std::uint64_t>(offset) * size_of(*dtype) : data});
  return tensor;
}

const ShardedFiles kTorchBin{"pytorch_model.bin", "pytorch_model.bin.index.json", read_torch_bin};

}  // namespace mhub
