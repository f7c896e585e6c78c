// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
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

/// Takes the header apart while it is being parsed: no DOM, so that a header of 100,000 tensors opens
/// quickly.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderHandler(const std::string& file, std::vector<Entry>& entries) : file_(file), entries_(entries) {}

  bool null() override { refuse(); }
  bool boolean(bool) override { refuse(); }
  bool number_integer(number_integer_t) override { refuse(); }
  bool number_float(number_float_t, const string_t&) override { refuse(); }
  bool binary(binary_t&) override { refuse(); }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3 || value > (std::uint64_t{1} << 62)) refuse();
    numbers_.push_back(value);
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ != 2) refuse();
    if (in_metadata_) {
      if (!metadata_.insert(field_).second) fail("metadata key " + field_ + " is there twice");
    } else if (field_ == "dtype") {
      set(kDtype, "dtype");
      const auto dtype = dtype_from_safetensors(value);
      if (!dtype) fail("tensor " + entry_.name + ": unsupported dtype \"" + value + "\"");
      entry_.dtype = *dtype;
    } else {
      refuse();
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ >= 2) refuse();
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ != 1 || in_metadata_) return true;
    if (fields_ != (kDtype | kShape | kOffsets)) {
      fail("tensor " + entry_.name + ": expected dtype, shape and data_offsets");
    }
    entries_.push_back(std::move(entry_));
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_) refuse();
    ++depth_;
    numbers_.clear();
    return true;
  }
  bool end_array() override {
    --depth_;
    if (field_ == "shape") {
      set(kShape, "shape");
      entry_.shape.assign(numbers_.begin(), numbers_.end());
    } else if (field_ == "data_offsets") {
      set(kOffsets, "data_offsets");
      if (numbers_.size() != 2)
        fail("tensor " + entry_.name + ": data_offsets has " + std::to_string(numbers_.size()) +
             " numbers, expected 2");
      entry_.begin = numbers_[0];
      entry_.end = numbers_[1];
    } else {
      refuse();
    }
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) {
      if (!names_.insert(name).second) fail("tensor " + name + " is there twice");
      in_metadata_ = name == "__metadata__";
      entry_ = {};
      entry_.name = name;
      fields_ = 0;
    } else {
      field_ = name;
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail("header is not valid JSON at byte " + std::to_string(position));
  }

 private:
  static constexpr unsigned kDtype = 1, kShape = 2, kOffsets = 4;

  void set(unsigned field, const char* name) {
    if ((fields_ & field) != 0) fail("tensor " + entry_.name + ": " + name + " is there twice");
    fields_ |= field;
  }
  [[noreturn]] void fail(const std::string& what) const { throw InputError(file_ + ": " + what); }
  [[noreturn]] void refuse() const {
    fail("header: unexpected value" + (entry_.name.empty() ? "" : " in entry " + entry_.name) +
         "; expected {\"name\": {\"dtype\", \"shape\", \"data_offsets\"}}");
  }

  const std::string& file_;
  std::vector<Entry>& entries_;
  std::unordered_set<std::string> names_, metadata_;  ///< keys so far
  Entry entry_;
  std::string field_;
  std::vector<std::uint64_t> numbers_;
  unsigned fields_ = 0;
  int depth_ = 0;
  bool in_metadata_ = false;
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
  nlohmann::json::sax_parse(json, &handler);
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
