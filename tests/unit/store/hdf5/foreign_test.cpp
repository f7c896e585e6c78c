// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/hdf5/hdf5.hpp"
#include "store/hdf5/foreign_file.hpp"
#include "store/read_tensor.hpp"

BOOST_AUTO_TEST_SUITE(hdf5_of_other_programs)

using namespace mhub;
using namespace mhub::tests;

namespace {

const Shape kShape{37, 11, 5};

std::vector<float> numbers() {
  std::vector<float> values(static_cast<std::size_t>(numel(kShape)));
  std::iota(values.begin(), values.end(), 0.5F);
  return values;
}

std::function<void(hid_t)> chunks(std::vector<hsize_t> sizes,
                                  const std::function<void(hid_t)>& filters = {}) {
  return [=](hid_t properties) {
    H5Pset_chunk(properties, static_cast<int>(sizes.size()), sizes.data());
    if (filters) filters(properties);
  };
}

/// Reads whole, and every stretch of 97 elements and of 97 bytes.
void check_reads(const std::string& path) {
  const Hdf5Archive archive = open_hdf5(path);
  const StoredTensor* tensor = archive.state.find("the.tensor");
  BOOST_REQUIRE(tensor != nullptr);
  const std::vector<float> expected = numbers();
  const auto bytes = std::as_bytes(std::span(expected));
  const std::vector<std::byte> whole = read_tensor(*tensor);
  BOOST_TEST(std::equal(whole.begin(), whole.end(), bytes.begin(), bytes.end()));
  for (const std::size_t step : {97 * sizeof(float), std::size_t{97}}) {
    for (std::size_t at = 0; at + step <= bytes.size(); at += step) {
      std::vector<std::byte> part(step);
      tensor->chunks[0].bytes->read(at, part);
      BOOST_REQUIRE(std::equal(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at)));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(reads_what_the_library_decodes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  const std::vector<std::function<void(hid_t)>> layouts{
      {},  // contiguous
      [](hid_t p) { H5Pset_layout(p, H5D_COMPACT); },
      chunks({37, 11, 5}),
      chunks({4, 11, 5}, [](hid_t p) { H5Pset_deflate(p, 1); }),
      chunks({1, 3, 5}, [](hid_t p) { H5Pset_fletcher32(p); }),
      chunks({8, 4, 2}, [](hid_t p) { H5Pset_fletcher32(p); }),
      chunks({8, 4, 2},
             [](hid_t p) {
               H5Pset_shuffle(p);
               H5Pset_deflate(p, 1);
               H5Pset_fletcher32(p);
             }),
  };
  for (const auto& layout : layouts) {
    ForeignFile(path).add_tensor(H5T_IEEE_F32LE, kShape, "float32", numbers().data(), layout);
    check_reads(path);
  }
}

// They lie in a heap that has no checksums.
BOOST_AUTO_TEST_CASE(refuses_texts_of_variable_length) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  const Hdf5Handle text = [] {
    Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    return type;
  }();
  const Hdf5Handle one(H5Screate(H5S_SCALAR), H5Sclose);
  auto write = [&](hid_t object, const char* name, hid_t type) {
    return Hdf5Handle(H5Acreate2(object, name, type, one.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  };
  // What nobody reads may be there.
  const Hdf5Handle list(H5Tvlen_create(H5T_NATIVE_INT), H5Tclose);
  {
    ForeignFile file(path);
    write(file.id(), "number", H5T_NATIVE_INT);
    write(file.id(), "list", list.get());
    write_hdf5_text(file.id(), "kind", "hf", path);
  }
  BOOST_TEST((open_hdf5(path).attributes == std::map<std::string, std::string>{{"kind", "hf"}}));
  {
    ForeignFile file(path);
    write(file.id(), "kind", text.get());
  }
  BOOST_CHECK_EXCEPTION(
      open_hdf5(path), InputError,
      message_has(path, "attribute kind: text of variable length, expected of fixed length"));
  {
    ForeignFile file(path);
    write(file.add_dataset("/state/t", H5T_STD_U16LE, {0}).get(), "name", text.get());
  }
  BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, "attribute name: text of variable"));
}

BOOST_AUTO_TEST_CASE(loads_no_plugins) {
  unsigned before = 0, during = 1, after = 0;
  H5PLget_loading_state(&before);
  {
    const Hdf5Lock lock;
    H5PLget_loading_state(&during);
  }
  H5PLget_loading_state(&after);
  BOOST_TEST(during == 0u);
  BOOST_TEST(after == before);
}

BOOST_AUTO_TEST_CASE(refuses_tensors_that_break_the_rules) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  auto refused = [&](const auto& fill, const std::string& problem) {
    {
      ForeignFile file(path);
      fill(file);
    }
    BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, problem));
  };
  const std::vector<float> data = numbers();
  auto tensor = [&](hid_t type, const std::string& dtype) {
    return [=, &data](ForeignFile& file) { file.add_tensor(type, {4}, dtype, data.data()); };
  };
  refused(tensor(H5T_IEEE_F32LE, "float12"), "tensor the.tensor: unknown torch_dtype float12");
  refused(tensor(H5T_IEEE_F32LE, "float64"), "tensor the.tensor: its HDF5 type");
  refused(tensor(H5T_IEEE_F32BE, "float32"), "tensor the.tensor: its HDF5 type");
  refused(tensor(H5T_STD_I16LE, "bfloat16"), "tensor the.tensor: its HDF5 type");
  refused(tensor(H5T_STD_I8LE, "bool"), "tensor the.tensor: its HDF5 type");
  refused([](ForeignFile& file) { file.add_dataset("/state/t", H5T_IEEE_F32LE, {4}); },
          "dataset /state/t: attribute name is missing");
  refused(
      [](ForeignFile& file) {
        write_hdf5_text(file.add_dataset("/state/t", H5T_IEEE_F32LE, {4}).get(), "name", "x", "t");
      },
      "tensor x: attribute torch_dtype is missing");
  refused(
      [](ForeignFile& file) {
        write_hdf5_text(file.add_dataset("/state/t", H5T_IEEE_F32LE, {4}).get(), "name", "two\nlines", "t");
      },
      "tensor two?lines: attribute torch_dtype is missing");
  refused(
      [](ForeignFile& file) {
        const Hdf5Handle dataset = file.add_dataset("/state/t", H5T_IEEE_F32LE, {4});
        const Hdf5Handle one(H5Screate(H5S_SCALAR), H5Sclose);
        const Hdf5Handle number(
            H5Acreate2(dataset.get(), "name", H5T_NATIVE_INT, one.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
      },
      "attribute name: expected one string");
  refused(
      [&](ForeignFile& file) {
        tensor(H5T_IEEE_F32LE, "float32")(file);
        const Hdf5Handle twin = file.add_dataset("/state/u", H5T_IEEE_F32LE, {0});
        write_hdf5_text(twin.get(), "name", "the.tensor", "t");
        write_hdf5_text(twin.get(), "torch_dtype", "float32", "t");
      },
      "stored twice");
}

BOOST_AUTO_TEST_CASE(refuses_data_that_is_not_there) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  auto make = [&](const Shape& shape, const std::function<void(hid_t)>& layout, const void* data = nullptr) {
    ForeignFile(path).add_tensor(H5T_IEEE_F32LE, shape, "float32", data, layout);
  };
  auto refused = [&](const std::string& problem) {
    BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, "tensor the.tensor", problem));
  };
  make({4}, {});
  refused("stores 0 bytes, expected 16");
  make({4, 4}, chunks({2, 2}, [](hid_t p) { H5Pset_deflate(p, 1); }));
  refused("holds 0 of 4 chunks");
  const std::int64_t huge = std::int64_t{1} << 61;
  make({huge, huge}, chunks({1, 1}));
  refused("absurd shape");
  make({huge}, chunks({1 << 20}, [](hid_t p) { H5Pset_fletcher32(p); }));
  refused("absurd shape");
  make({huge / 4}, chunks({1 << 20}, [](hid_t p) { H5Pset_fletcher32(p); }));
  refused("more than the file has");
  make({huge / 4}, chunks({1 << 20}));
  refused("chunks; it is incomplete");
  make({1 << 30}, chunks({1 << 29}, [](hid_t p) { H5Pset_deflate(p, 1); }));
  refused("256 MiB");
  make({4}, [](hid_t p) { H5Pset_external(p, "/etc/passwd", 0, 16); });
  refused("in another file");
  make({4}, [&](hid_t p) {
    const hsize_t four = 4;
    const Hdf5Handle space(H5Screate_simple(1, &four, nullptr), H5Sclose);
    H5Pset_virtual(p, space.get(), "other.h5", "/x", space.get());
  });
  refused("virtual");
  // Fletcher32 chunks of which one was never written: noticed when the data are asked for.
  make({4, 4}, chunks({2, 4}, [](hid_t p) { H5Pset_fletcher32(p); }));
  {
    const std::string padding(1000, 'x');  // so that the file is larger than the tensor
    const Hdf5Archive archive = open_hdf5(path);
    BOOST_CHECK_EXCEPTION(read_tensor(archive.state.tensors()[0]), InputError,
                          message_has(path, "tensor the.tensor", "holds 0 of 2 chunks"));
  }
}

BOOST_AUTO_TEST_CASE(refuses_links_out_of_the_tree_and_walks_cycles_once) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  auto refused = [&](const auto& fill, const std::string& problem) {
    {
      ForeignFile file(path);
      fill(file.id());
    }
    BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, problem));
  };
  refused([](hid_t file) { H5Lcreate_soft("/files", file, "/state/s", H5P_DEFAULT, H5P_DEFAULT); },
          "/state/s: is a symbolic link");
  refused([](hid_t file) { H5Lcreate_external("other.h5", "/", file, "/files/e", H5P_DEFAULT, H5P_DEFAULT); },
          "/files/e: is a symbolic link or lies in another file");
  refused(
      [](hid_t file) {
        const Hdf5Handle type(H5Tcopy(H5T_NATIVE_INT), H5Tclose);
        H5Tcommit2(file, "/state/type", type.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      },
      "/state/type: is neither a group nor a dataset");
  refused(
      [](hid_t file) {
        std::string group = "/state";
        for (int depth = 0; depth < 70; ++depth) {
          group += "/g";
          const Hdf5Handle made(H5Gcreate2(file, group.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                H5Gclose);
        }
      },
      "64 deep");
  {
    ForeignFile file(path);
    file.add_group("/state/a");
    for (const char* link : {"/state/a/up", "/state/a/again", "/state/b"})
      H5Lcreate_hard(file.id(), "/state", file.id(), link, H5P_DEFAULT, H5P_DEFAULT);
  }
  const TensorSource opened = open_hdf5(path).state;
  BOOST_TEST(opened.tensors().empty());
}

BOOST_AUTO_TEST_CASE(refuses_odd_side_files) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  auto refused = [&](const auto& fill, const std::string& problem) {
    {
      ForeignFile file(path);
      fill(file);
    }
    BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, problem));
  };
  refused([](ForeignFile& file) { file.add_dataset("/files/x", H5T_STD_I8LE, {4}); },
          "file x: expected bytes or one string");
  refused(
      [](ForeignFile& file) {
        file.add_dataset("/files/x", H5T_STD_U8LE, {4, 4});
      },
      "file x: expected one axis");
  refused([](ForeignFile& file) { file.add_dataset("/files/x", H5T_C_S1, {4}); },
          "file x: expected one axis");
  refused(
      [](ForeignFile& file) {
        file.add_dataset("/files/x", H5T_STD_U8LE, {std::int64_t{1} << 40}, chunks({1 << 20}));
      },
      "file x: over 1 GiB");
  refused(
      [](ForeignFile& file) {
        file.add_group("/files/..");
        file.add_dataset("/files/../x", H5T_STD_U8LE, {0});
      },
      "file ../x: not a plain relative path");
}

BOOST_AUTO_TEST_CASE(refuses_what_does_not_belong_to_an_archive) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  {
    ForeignFile file(path);
    file.add_dataset("/mine", H5T_STD_U8LE, {3});
  }
  BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError,
                        message_has(path, "has more in it than a state archive"));
}

BOOST_AUTO_TEST_CASE(what_nothing_reads_is_named) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  {
    ForeignFile file(path);
    file.add_tensor(H5T_IEEE_F32LE, kShape, "float32", numbers().data());
    const Hdf5Handle tensor(H5Oopen(file.id(), "/state/t", H5P_DEFAULT), H5Oclose);
    const Hdf5Handle group(H5Oopen(file.id(), "/files", H5P_DEFAULT), H5Oclose);
    write_hdf5_text(tensor.get(), "units", "metres", path);
    write_hdf5_count(group.get(), "step", 3, path);
    write_hdf5_count(file.id(), "seed", 4, path);
    write_hdf5_text(file.id(), "kind", "hf", path);
  }
  std::ofstream(path, std::ios::app) << "appended";
  const std::vector<std::string> expected{"attribute seed", "8 bytes behind its end",
                                          "attribute units of /state/t", "attribute step of /files"};
  BOOST_TEST(open_hdf5(path).others == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(refuses_other_hdf5_files) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  { ForeignFile file(path, "something else"); }
  BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, "not a state archive"));
  { ForeignFile file(path, "mhub-state", "2"); }
  BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, "version 2, expected 1"));
  {
    ForeignFile file(path);
    H5Ldelete(file.id(), "/files", H5P_DEFAULT);
  }
  BOOST_CHECK_EXCEPTION(open_hdf5(path), InputError, message_has(path, "/files"));
  write_file(folder.file("text"), std::string("no HDF5 file at all"));
  write_file(folder.file("empty"), std::string());
  write_file(folder.file("signature"), std::string("\x89HDF\r\n\x1a\n"));
  BOOST_TEST(!is_hdf5(folder.file("text")));
  BOOST_TEST(!is_hdf5(folder.file("empty")));
  BOOST_TEST(is_hdf5(folder.file("signature")));
  BOOST_CHECK_EXCEPTION(open_hdf5(folder.file("text")), InputError, message_has("signature"));
  BOOST_CHECK_EXCEPTION(open_hdf5(folder.file("empty")), InputError, message_has("signature"));
  BOOST_CHECK_EXCEPTION(open_hdf5(folder.file("signature")), InputError, message_has("damaged"));
  BOOST_CHECK_THROW(is_hdf5(folder.file("none")), IoError);
  BOOST_CHECK_EXCEPTION(is_hdf5(folder.path()), InputError, message_has("regular file"));
}

BOOST_AUTO_TEST_SUITE_END()
