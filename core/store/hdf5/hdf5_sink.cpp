// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <stdexcept>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/hdf5/archive_format.hpp"
#include "mhub/store/hdf5/chunks.hpp"
#include "mhub/store/hdf5/driver.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {
namespace {

constexpr std::size_t kLongestName = 4096;
/// Room for metadata that is reserved at a time, so that opening an archive reads few pages: about what one
/// tensor takes, for each, within limits.
constexpr hsize_t kMetadataOfTensor = 1 << 10, kLeastMetadata = 1 << 12, kMostMetadata = 1 << 20;

/// The library rejects these late or not at all.
void check(const std::vector<SinkTensor>& tensors, const Hdf5Contents& contents) {
  std::set<std::string_view> names;
  for (const SinkTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) throw std::logic_error(tensor.name + ": declared twice");
    if (tensor.chunks.size() != 1 || tensor.chunks[0].shape != tensor.shape)
      throw std::logic_error(tensor.name + ": a tensor of an HDF5 archive has one chunk that covers it");
    if (!is_hdf5_text(tensor.name) || tensor.name.size() > kLongestName)
      throw InputError("tensor name of " + std::to_string(tensor.name.size()) +
                       " bytes: an HDF5 archive takes UTF-8 names of at most 4096 bytes");
    if (tensor.shape.size() > H5S_MAX_RANK)
      throw InputError("tensor " + printable(tensor.name) + ": HDF5 takes at most 32 axes");
  }
  for (const auto& [name, text] : contents.attributes) {
    if (name == kHdf5Format || name == kHdf5FormatVersion || name.empty() || !is_hdf5_text(name) ||
        !is_hdf5_text(text) || text.size() > kLongestHdf5Text) {
      throw InputError("attribute " + printable(name) +
                       ": expected a free name and UTF-8 text of at most 32 KiB");
    }
  }
}

/// The same contents give the same file.
Hdf5Handle without_times(hid_t kind) {
  Hdf5Handle properties(H5Pcreate(kind), H5Pclose);
  H5Pset_obj_track_times(properties.get(), false);
  return properties;
}

Hdf5Handle link_properties() {
  Hdf5Handle properties(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_char_encoding(properties.get(), H5T_CSET_UTF8);
  return properties;
}

Hdf5Handle dataset_properties(const Shape& shape, std::size_t element_bytes) {
  Hdf5Handle properties = without_times(H5P_DATASET_CREATE);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  if (shape.empty() || numel(shape) == 0) {
    H5Pset_layout(properties.get(), H5D_COMPACT);
  } else {
    const RowChunks chunks = RowChunks::choose(shape, element_bytes);
    const std::vector<hsize_t> sizes(chunks.chunk_shape().begin(), chunks.chunk_shape().end());
    H5Pset_chunk(properties.get(), static_cast<int>(sizes.size()), sizes.data());
    H5Pset_fletcher32(properties.get());
  }
  return properties;
}

std::int64_t zero_chunks(std::string_view content) {
  const RowChunks chunks = RowChunks::choose({static_cast<std::int64_t>(content.size())}, 1);
  std::int64_t count = 0;
  for (std::uint64_t k = 0; k < chunks.count(); ++k) {
    const RowChunks::Part part = chunks.part(k);
    const std::string_view bytes = content.substr(part.begin, part.bytes);
    if (bytes.find_first_not_of('\0') == std::string_view::npos) ++count;
  }
  return count;
}

/// Creates a dataset at `path`, whose group exists: chunked with fletcher32, or compact (in the object's
/// header, which has a checksum too) where it has no axis or no element. A chunked one gets the attribute
/// zero_chunks = 0. Call under Hdf5Lock.
Hdf5Handle create_dataset(hid_t file, const std::string& path, hid_t type, const Shape& shape,
                          const std::string& what) {
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Hdf5Handle space =
      hdf5_created(sizes.empty() ? H5Screate(H5S_SCALAR)
                                 : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                   H5Sclose, what);
  const Hdf5Handle links = link_properties();
  const Hdf5Handle properties = dataset_properties(shape, H5Tget_size(type));
  Hdf5Handle dataset = hdf5_created(
      H5Dcreate2(file, path.c_str(), type, space.get(), links.get(), properties.get(), H5P_DEFAULT), H5Dclose,
      what);
  if (H5Pget_layout(properties.get()) == H5D_CHUNKED)
    write_hdf5_count(dataset.get(), kHdf5ZeroChunks, 0, what);
  return dataset;
}

/// A group whose links keep UTF-8 names; the group above it exists.
void create_group(hid_t file, const std::string& path, const std::string& what) {
  const Hdf5Handle links = link_properties(), properties = without_times(H5P_GROUP_CREATE);
  hdf5_write_ok(
      hdf5_created(H5Gcreate2(file, path.c_str(), links.get(), properties.get(), H5P_DEFAULT), H5Gclose, what)
          .close(),
      what);
}

/// Writes a whole side file as a dataset: as one string where it is text, so that h5dump shows it, else as
/// bytes.
void write_side_file(hid_t file, const std::string& path, const std::string& content,
                     const std::string& what) {
  const bool text = !content.empty() && is_hdf5_text(content);
  const Hdf5Handle type = text ? hdf5_text_type(content.size()) : Hdf5Handle(H5Tcopy(H5T_STD_U8LE), H5Tclose);
  const Shape shape{text ? 1 : static_cast<std::int64_t>(content.size())};
  Hdf5Handle dataset = create_dataset(file, path, type.get(), shape, what);
  if (!content.empty()) {
    hdf5_write_ok(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()), what);
    if (!text) replace_hdf5_count(dataset.get(), kHdf5ZeroChunks, zero_chunks(content), what);
  }
  hdf5_write_ok(dataset.close(), what);
}

/// A tensor being written. Used by one thread at a time.
struct Progress {
  std::string path;                 ///< in the file
  std::optional<RowChunks> chunks;  ///< nothing: the tensor has no axis or no element
  std::uint64_t size = 0, done = 0;
  std::int64_t zero_chunks = 0;
  Hdf5Handle dataset;             ///< open from the first chunk to the last
  std::vector<std::byte> buffer;  ///< the chunk that is being filled, and room for its checksum
};

class FileSink final : public Hdf5Sink {
 public:
  FileSink(std::string path, std::vector<SinkTensor> tensors, const Hdf5Contents& contents)
      : path_(std::move(path)), tensors_(std::move(tensors)), progress_(tensors_.size()) {
    check(tensors_, contents);
    const Hdf5Lock lock;
    create_file();
    for (const auto& [name, text] : contents.attributes)
      write_hdf5_text(file_.get(), name, text, path_ + ": attribute " + printable(name));
    create_datasets();
    for (const auto& [name, content] : contents.files) add_file(name, content);
  }

  const std::map<std::string, SideFile>& files() const override { return files_; }

  void add_file(const std::string& path, const std::string& content) override {
    const std::string what = path_ + ": file " + printable(path);
    if (!is_side_file_path(path)) throw InputError(what + ": not a plain relative path");
    if (content.size() > kLargestSideFile) throw InputError(what + ": over 1 GiB");
    if (!files_.try_emplace(path, SideFile{content.size(), checksum_of(content)}).second)
      throw InputError(what + ": there is one already");
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
      folders_.insert(path.substr(0, slash));
    for (const std::string& folder : folders_) {
      if (files_.contains(folder)) throw InputError(what + ": " + folder + " is a file and a folder");
    }
    const Hdf5Lock lock;
    const std::string place = std::string(kHdf5Files) + "/" + path;
    make_groups(place);
    write_side_file(file_.get(), place, content, what);
  }

  void append(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) override {
    Progress& progress = progress_.at(tensor);
    const std::string& name = tensors_[tensor].name;
    if (chunk != 0) throw std::logic_error(name + ": a tensor of an HDF5 archive has one chunk");
    if (data.size() > progress.size - progress.done)
      throw std::logic_error(name + ": more bytes than its shape holds");
    if (!progress.chunks) return append_scalar(tensor, data);
    while (!data.empty()) {
      const RowChunks::Part part = progress.chunks->part_at(progress.done);
      const std::uint64_t filled = progress.done - part.begin;
      const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), part.bytes - filled));
      progress.buffer.resize(progress.chunks->chunk_bytes() + sizeof(std::uint32_t));
      std::memcpy(progress.buffer.data() + filled, data.data(), now);
      progress.done += now;
      data = data.subspan(now);
      if (filled + now == part.bytes) write_chunk(tensor, part);
    }
  }

  bool serial() const override { return true; }

  void finish() override {
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      if (progress_[t].done != progress_[t].size)
        throw std::logic_error(tensors_[t].name + ": bytes are missing");
    }
    {
      const Hdf5Lock lock;
      hdf5_write_ok(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "cannot write " + path_);
      hdf5_write_ok(file_.close(), "cannot close " + path_);
    }
    Descriptor("cannot open", path_, O_RDONLY).flush_and_close(path_);
  }

 private:
  void create_file() {
    const Hdf5Handle access = hdf5_file_access();
    H5Pset_meta_block_size(access.get(),
                           std::clamp(tensors_.size() * kMetadataOfTensor, kLeastMetadata, kMostMetadata));
    const Hdf5Handle creation = without_times(H5P_FILE_CREATE);
    file_ = hdf5_created(H5Fcreate(path_.c_str(), H5F_ACC_EXCL, creation.get(), access.get()), H5Fclose,
                         "cannot create " + path_);
    write_hdf5_text(file_.get(), kHdf5Format, kHdf5FormatValue, path_);
    write_hdf5_text(file_.get(), kHdf5FormatVersion, kHdf5Version, path_);
    for (const std::string root : {kHdf5State, kHdf5Files}) make_groups(root + "/");
  }

  /// Those above a path. The library would make them with the time.
  void make_groups(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string group = path.substr(0, slash);
      if (groups_.insert(group).second) create_group(file_.get(), group, path_);
    }
  }

  void create_datasets() {
    std::vector<std::string> names;
    for (const SinkTensor& tensor : tensors_) names.push_back(tensor.name);
    const std::vector<std::vector<std::string>> links = hdf5_link_paths(names);
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      const SinkTensor& tensor = tensors_[t];
      Progress& progress = progress_[t];
      progress.path = kHdf5State;
      for (const std::string& link : links[t]) progress.path += "/" + link;
      progress.size = byte_count(tensor.shape, tensor.dtype);
      if (!tensor.shape.empty() && progress.size > 0)
        progress.chunks = RowChunks::choose(tensor.shape, size_of(tensor.dtype));
      make_groups(progress.path);
      Hdf5Handle dataset =
          create_dataset(file_.get(), progress.path, hdf5_type(tensor.dtype).get(), tensor.shape, what(t));
      write_hdf5_text(dataset.get(), kHdf5Name, tensor.name, what(t));
      write_hdf5_text(dataset.get(), kHdf5DType, std::string(torch_name(tensor.dtype)), what(t));
      hdf5_write_ok(dataset.close(), what(t));
    }
  }

  std::string what(std::size_t tensor) const {
    return path_ + ": tensor " + printable(tensors_[tensor].name);
  }

  /// The library's own write path runs the checksum under its lock; here it runs in the caller's thread and
  /// the library only places the bytes.
  void write_chunk(std::size_t tensor, const RowChunks::Part& part) {
    Progress& progress = progress_[tensor];
    const std::size_t bytes = progress.chunks->chunk_bytes();
    std::fill(progress.buffer.begin() + static_cast<std::ptrdiff_t>(part.bytes),
              progress.buffer.begin() + static_cast<std::ptrdiff_t>(bytes), std::byte{0});
    const std::uint32_t checksum = fletcher32(std::span(progress.buffer).first(bytes));
    std::memcpy(progress.buffer.data() + bytes, &checksum, sizeof checksum);
    if (checksum == 0) ++progress.zero_chunks;  // only zeros have that
    const Index origin = progress.chunks->origin(part.chunk);
    const std::vector<hsize_t> offset(origin.begin(), origin.end());
    const Hdf5Lock lock;
    open_dataset(tensor);
    hdf5_write_ok(H5Dwrite_chunk(progress.dataset.get(), H5P_DEFAULT, 0, offset.data(),
                                 progress.buffer.size(), progress.buffer.data()),
                  what(tensor));
    if (progress.done != progress.size) return;
    progress.buffer = std::vector<std::byte>();  // "= {}" would keep the memory
    if (progress.zero_chunks > 0)
      replace_hdf5_count(progress.dataset.get(), kHdf5ZeroChunks, progress.zero_chunks, what(tensor));
    hdf5_write_ok(progress.dataset.close(), what(tensor));
  }

  void append_scalar(std::size_t tensor, std::span<const std::byte> data) {
    Progress& progress = progress_[tensor];
    progress.buffer.insert(progress.buffer.end(), data.begin(), data.end());
    progress.done += data.size();
    if (data.empty() || progress.done != progress.size) return;
    const Hdf5Lock lock;
    open_dataset(tensor);
    hdf5_write_ok(H5Dwrite(progress.dataset.get(), hdf5_type(tensors_[tensor].dtype).get(), H5S_ALL, H5S_ALL,
                           H5P_DEFAULT, progress.buffer.data()),
                  what(tensor));
    hdf5_write_ok(progress.dataset.close(), what(tensor));
  }

  void open_dataset(std::size_t tensor) {
    Progress& progress = progress_[tensor];
    if (progress.dataset) return;
    progress.dataset =
        hdf5_created(H5Dopen2(file_.get(), progress.path.c_str(), H5P_DEFAULT), H5Dclose, what(tensor));
  }

  std::string path_;
  std::vector<SinkTensor> tensors_;
  std::map<std::string, SideFile> files_;
  std::set<std::string> folders_;  ///< what lies above them
  std::set<std::string> groups_;   ///< by path
  Hdf5Handle file_;
  std::vector<Progress> progress_;  ///< after `file_`: datasets are closed before it
};

}  // namespace

std::unique_ptr<Hdf5Sink> make_hdf5_file_sink(const std::string& path, std::vector<SinkTensor> tensors,
                                              const Hdf5Contents& contents) {
  return std::make_unique<FileSink>(path, std::move(tensors), contents);
}

}  // namespace mhub
