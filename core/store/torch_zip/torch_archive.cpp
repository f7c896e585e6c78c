// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/torch_zip/torch_archive.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/pickle/reader.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLargestPickle = 512 << 20;

/// dtype of torch's typed storage classes (torch/storage.py).
std::optional<DType> storage_dtype(std::string_view global) {
  if (global == "torch FloatStorage") return DType::f32;
  if (global == "torch DoubleStorage") return DType::f64;
  if (global == "torch HalfStorage") return DType::f16;
  if (global == "torch BFloat16Storage") return DType::bf16;
  if (global == "torch LongStorage") return DType::i64;
  if (global == "torch IntStorage") return DType::i32;
  if (global == "torch ShortStorage") return DType::i16;
  if (global == "torch CharStorage") return DType::i8;
  if (global == "torch ByteStorage") return DType::u8;
  if (global == "torch BoolStorage") return DType::boolean;
  if (global == "torch ComplexFloatStorage") return DType::c64;
  return std::nullopt;
}

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

}  // namespace

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
  root_ = read_pickle(std::as_bytes(std::span(pickle)), *arena_, what + ": data.pkl");
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
  const bool v3 = function.is_global("torch._utils _rebuild_tensor_v3");
  if (!v3 && !function.is_global("torch._utils _rebuild_tensor_v2") &&
      !function.is_global("torch._utils _rebuild_tensor"))
    return std::nullopt;
  const std::string where = what() + ": tensor " + name;
  if (arguments.size() < 4 || !arguments[0]->is(PickleNode::Kind::persistent))
    throw InputError(where + ": unknown form");
  // ('storage', <type>, key, device, elements): torch/serialization.py, persistent_id
  const auto& id = arguments[0]->items[0]->as_sequence(where + ": storage");
  if (id.size() < 5 || !id[1]->is(PickleNode::Kind::global)) throw InputError(where + ": unknown storage");
  std::optional<DType> dtype = storage_dtype(id[1]->text);
  if (v3 && arguments.size() > 6 && arguments[6]->is(PickleNode::Kind::global) &&
      arguments[6]->text.starts_with("torch ")) {
    dtype = dtype_from_torch(arguments[6]->text.substr(6));
  }
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
  tensor.chunks.push_back({Index(tensor.shape.size(), 0), tensor.shape, strides, zip_.bytes(),
                           *count > 0 ? data + static_cast<std::uint64_t>(offset) * size_of(*dtype) : data});
  return tensor;
}

}  // namespace mhub
