// SPDX-License-Identifier: Apache-2.0
#include "npy_reader.hpp"

#include <charconv>
#include <optional>
#include <span>

#include "mhub/base/error.hpp"
#include "npy_writer.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestHeader = 64 << 10;

std::string text_at(const InputFile& file, std::uint64_t at, std::uint64_t size, const std::string& what) {
  if (at > file.size() || size > file.size() - at)
    throw InputError(file.name() + ": ends before " + what + "; make it again with golden.py");
  std::string text(size, '\0');
  file.read(at, std::as_writable_bytes(std::span(text)));
  return text;
}

/// What stands behind 'key': in a header, up to one of `ends`; NumPy writes it in one way.
std::string_view value_of(std::string_view header, const std::string& key, std::string_view ends) {
  const std::string quoted = "'" + key + "': ";
  const std::size_t begin = header.find(quoted);
  if (begin == header.npos) return {};
  const std::string_view rest = header.substr(begin + quoted.size());
  return rest.substr(0, rest.find_first_of(ends));
}

/// "(3, 4" as [3, 4]; nothing when it is none.
std::optional<Shape> shape_of(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  Shape shape;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  while (at != end) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    std::int64_t size = -1;
    const auto [next, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 0) return std::nullopt;
    shape.push_back(size);
    at = next;
  }
  return shape;
}

}  // namespace

NpyReader::NpyReader(const std::string& path) : file_(path) {
  if (!begins_with(path, kNpyMagic)) throw InputError(path + ": is no .npy file");
}

Shape NpyReader::header(const std::string& what, const std::string& type, std::size_t axes) {
  const std::string prefix = text_at(file_, at_, 8, what);
  if (!prefix.starts_with(kNpyMagic) || prefix[6] < 1 || prefix[6] > 3)
    throw InputError(file_.name() + ": " + what + " is no array as numpy.save writes it");
  const std::uint64_t digits = prefix[6] == 1 ? 2 : 4;
  std::uint64_t size = 0;
  const std::string length = text_at(file_, at_ + 8, digits, what);
  for (std::uint64_t k = digits; k-- > 0;) size = size << 8U | static_cast<unsigned char>(length[k]);
  if (size > kLargestHeader) throw InputError(file_.name() + ": " + what + " has an absurd header");
  const std::string header = text_at(file_, at_ + 8 + digits, size, what);
  at_ += 8 + digits + size;
  const std::optional<Shape> shape = shape_of(value_of(header, "shape", ")"));
  if (value_of(header, "descr", ",") != "'" + type + "'" ||
      value_of(header, "fortran_order", ",") != "False" || !shape || shape->size() != axes)
    throw InputError(file_.name() + ": " + what + ": expected a row-major array of " + type + " with " +
                     std::to_string(axes) + " axes, found " + header.substr(0, header.find('\n')));
  return *shape;
}

template <class Number>
std::vector<Number> NpyReader::numbers(const std::string& what, const Shape& shape) {
  const std::optional<std::int64_t> count = checked_numel(shape);
  if (!count || static_cast<std::uint64_t>(*count) > (file_.size() - at_) / sizeof(Number))
    throw InputError(file_.name() + ": ends in " + what + " " + to_string(shape));
  std::vector<Number> values(static_cast<std::size_t>(*count));
  file_.read(at_, std::as_writable_bytes(std::span(values)));
  at_ += values.size() * sizeof(Number);
  return values;
}

std::vector<std::int64_t> NpyReader::integers(const std::string& what) {
  const Shape shape = header(what, "<i8", 1);
  return numbers<std::int64_t>(what, shape);
}

std::vector<float> NpyReader::floats(const std::string& what, Shape& shape, std::size_t axes) {
  shape = header(what, "<f4", axes);
  return numbers<float>(what, shape);
}

}  // namespace mhub::converters
