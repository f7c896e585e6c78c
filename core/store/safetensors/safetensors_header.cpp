// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/safetensors/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

/// Takes the header apart while it is being parsed: no DOM, so that a header of 100,000 tensors opens
/// quickly.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderHandler(const std::string& file, SafetensorsHeader& header) : file_(file), header_(header) {}

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
      if (!header_.metadata.emplace(field_, value).second) fail("metadata key " + field_ + " is there twice");
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
    header_.tensors.push_back(std::move(entry_));
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
  SafetensorsHeader& header_;
  std::unordered_set<std::string> names_;
  SafetensorsEntry entry_;
  std::string field_;
  std::vector<std::uint64_t> numbers_;
  unsigned fields_ = 0;
  int depth_ = 0;
  bool in_metadata_ = false;
};

void check_layout(SafetensorsHeader& header, std::uint64_t data_size, const std::string& file) {
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
            });
  std::uint64_t expected = 0;
  for (const SafetensorsEntry& entry : header.tensors) {
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

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                           const std::string& file) {
  if (!json.starts_with('{'))
    throw InputError(file + ": header does not start with '{'; not a safetensors file");
  SafetensorsHeader header;
  HeaderHandler handler(file, header);
  nlohmann::json::sax_parse(json, &handler);
  check_layout(header, data_size, file);
  return header;
}

}  // namespace mhub
