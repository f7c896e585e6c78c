// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/json_events.hpp"
#include "mhub/base/name_index.hpp"
#include "mhub/store/safetensors/safetensors.hpp"

namespace mhub {
namespace {

// safetensors/src/tensor.rs, MAX_HEADER_SIZE
constexpr std::uint64_t kLargestHeader = 100'000'000;
constexpr std::uint64_t kLengthBytes = 8;

/// One entry of a header.
struct Entry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes in the data section
};

/// Takes the header apart while it is read: no tree, so that a header of 100,000 tensors opens quickly.
class HeaderHandler final : public JsonEvents {
 public:
  HeaderHandler(const std::string& file, std::vector<Entry>& entries) : file_(file), entries_(entries) {}

  void other(std::string_view) override { refuse(); }
  void count(std::uint64_t value) override {
    if (depth_ != 3 || value > (std::uint64_t{1} << 62)) refuse();
    numbers_.push_back(value);
  }
  void string(std::string_view value) override {
    if (depth_ != 2) refuse();
    if (in_metadata_) return;
    if (field_ != kDtype) refuse();
    set("dtype");
    const auto dtype = dtype_from_safetensors(value);
    if (!dtype) fail("tensor " + entry().name + ": unsupported dtype \"" + std::string(value) + "\"");
    entry().dtype = *dtype;
  }
  void begin_object() override {
    if (depth_ >= 2) refuse();
    ++depth_;
  }
  void end_object() override {
    if (--depth_ == 1 && !in_metadata_ && fields_ != (kDtype | kShape | kOffsets))
      fail("tensor " + entry().name + ": expected dtype, shape and data_offsets");
  }
  void begin_list() override {
    if (depth_ != 2 || in_metadata_) refuse();
    ++depth_;
    numbers_.clear();
  }
  void end_list() override {
    --depth_;
    if (field_ == kShape) {
      set("shape");
      entry().shape.assign(numbers_.begin(), numbers_.end());
    } else if (field_ == kOffsets) {
      set("data_offsets");
      if (numbers_.size() != 2)
        fail("tensor " + entry().name + ": data_offsets has " + std::to_string(numbers_.size()) +
             " numbers, expected 2");
      entry().begin = numbers_[0];
      entry().end = numbers_[1];
    } else {
      refuse();
    }
  }
  void key(std::string_view name) override {
    if (depth_ == 1) return begin_entry(name);
    if (in_metadata_ && !metadata_.emplace(name).second)
      fail("metadata key " + std::string(name) + " is there twice");
    field_ = name == "dtype" ? kDtype : name == "shape" ? kShape : name == "data_offsets" ? kOffsets : 0;
  }

 private:
  static constexpr unsigned kDtype = 1, kShape = 2, kOffsets = 4;

  void begin_entry(std::string_view name) {
    constexpr std::string_view kMetadata = "__metadata__";
    const auto name_of = [&](std::uint32_t k) { return std::string_view(entries_[k].name); };
    in_metadata_ = name == kMetadata;
    const bool twin = in_metadata_ ? std::exchange(has_metadata_, true)
                                   : names_.add(name, static_cast<std::uint32_t>(entries_.size()), name_of) !=
                                         NameIndex::kNone;
    if (twin) fail("tensor " + std::string(name) + " is there twice");
    fields_ = 0;
    if (!in_metadata_) entries_.emplace_back().name = name;
  }
  Entry& entry() { return entries_.back(); }
  void set(const char* name) {
    if ((fields_ & field_) != 0) fail("tensor " + entry().name + ": " + name + " is there twice");
    fields_ |= field_;
  }
  [[noreturn]] void fail(const std::string& what) const { throw InputError(file_ + ": " + what); }
  [[noreturn]] void refuse() const {
    fail("header: unexpected value" + (entries_.empty() ? "" : " in entry " + entries_.back().name) +
         "; expected {\"name\": {\"dtype\", \"shape\", \"data_offsets\"}}");
  }

  const std::string& file_;
  std::vector<Entry>& entries_;
  NameIndex names_;                              ///< of entries
  std::set<std::string, std::less<>> metadata_;  ///< keys so far
  std::vector<std::uint64_t> numbers_;
  unsigned field_ = 0;   ///< whose value comes; 0: none that an entry has
  unsigned fields_ = 0;  ///< that the entry has so far
  int depth_ = 0;
  bool in_metadata_ = false, has_metadata_ = false;
};

void check_layout(std::vector<Entry>& entries, std::uint64_t data_size, const std::string& file) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    auto fail = [&](const std::string& what) {
      throw InputError(file + ": tensor " + entry.name + ": " + what);
    };
    const auto count = checked_numel(entry.shape);
    if (!count || *count > (std::int64_t{1} << 58)) fail("impossible shape " + to_string(entry.shape));
    if (entry.begin != expected) {
      fail("data starts at byte " + std::to_string(entry.begin) + ", expected " + std::to_string(expected) +
           " (tensors must follow each other without holes or overlaps)");
    }
    const std::uint64_t bytes = static_cast<std::uint64_t>(*count) * size_of(entry.dtype);
    if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
      fail("data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
           "] do not hold shape " + to_string(entry.shape) + " of " +
           std::string(safetensors_name(entry.dtype)) + " (" + std::to_string(bytes) + " bytes)");
    }
    if (entry.end > data_size) {
      fail("ends at byte " + std::to_string(entry.end) + " of the data, the file has " +
           std::to_string(data_size) + "; it is truncated");
    }
    expected = entry.end;
  }
  if (expected != data_size) {
    throw InputError(file + ": " + std::to_string(data_size) + " bytes of data, expected " +
                     std::to_string(expected));
  }
}

std::vector<StoredTensor> read_file(const std::shared_ptr<const ByteSource>& file) {
  const std::string& path = file->name();
  if (file->size() < kLengthBytes)
    throw InputError(path + ": " + std::to_string(file->size()) + " bytes; not a safetensors file");
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t length = 0;
  file->read(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > kLargestHeader || length > file->size() - kLengthBytes) {
    throw InputError(path + ": header claims " + std::to_string(length) + " bytes, the file has " +
                     std::to_string(file->size() - kLengthBytes) + " (limit " +
                     std::to_string(kLargestHeader) + ")");
  }
  std::string json(length, '\0');
  file->read(kLengthBytes, std::as_writable_bytes(std::span(json)));
  const std::uint64_t begin = kLengthBytes + length;
  return parse_safetensors_header(json, file, begin, file->size() - begin, path);
}

}  // namespace

std::vector<StoredTensor> parse_safetensors_header(std::string_view json,
                                                   const std::shared_ptr<const ByteSource>& bytes,
                                                   std::uint64_t begin, std::uint64_t size,
                                                   const std::string& file) {
  if (!json.starts_with('{'))
    throw InputError(file + ": header does not start with '{'; not a safetensors file");
  require_no_nul(json, file);
  std::vector<Entry> entries;
  HeaderHandler handler(file, entries);
  read_json_events(json, file, handler);
  check_layout(entries, size, file);
  std::vector<StoredTensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries) {
    StoredChunk chunk{Index(entry.shape.size(), 0), entry.shape, row_major_strides(entry.shape), bytes,
                      begin + entry.begin};
    tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape), {std::move(chunk)}});
  }
  return tensors;
}

const ShardedFiles kSafetensors{"model.safetensors", "model.safetensors.index.json", read_file};

}  // namespace mhub
