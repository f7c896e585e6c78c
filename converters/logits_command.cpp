// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/logits_stream.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

/// A float32 matrix written row after row as NumPy's .npy, version 1.0 (numpy/lib/format.py). The file
/// appears under its name when it is complete; an existing one is replaced.
class NpyWriter {
 public:
  NpyWriter(std::string path, std::int64_t rows, std::int64_t columns)
      : path_(std::move(path)),
        temporary_(path_ + ".partial"),
        file_(temporary_, std::ios::binary | std::ios::trunc) {
    if (!file_) throw IoError("cannot create " + temporary_);
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                         std::to_string(columns) + "), }";
    constexpr std::size_t kPrefix = 10;  // magic, version, length of the header
    header.append(63 - (kPrefix + header.size()) % 64, ' ');
    header += '\n';
    const auto size = static_cast<unsigned>(header.size());
    file_ << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(size & 0xffU) << static_cast<char>(size >> 8U)
          << header;
  }
  ~NpyWriter() {
    file_.close();
    std::remove(temporary_.c_str());  // only there when finish was not reached
  }
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  void append(std::span<const float> values) {
    file_.write(reinterpret_cast<const char*>(values.data()),
                static_cast<std::streamsize>(values.size_bytes()));
  }
  /// Throws IoError when not everything could be written.
  void finish() {
    file_.close();
    std::error_code error;
    if (file_) std::filesystem::rename(temporary_, path_, error);
    if (!file_ || error) throw IoError("cannot write " + path_);
  }

 private:
  std::string path_, temporary_;
  std::ofstream file_;
};

}  // namespace

int logits_command(const Arguments& arguments) {
  CommandLine line(
      "mhub logits SOURCE --tokens 1,2,3 --output FILE.npy [--threads N] [--backend cpu|cudnn] [--json]",
      {"SOURCE"});
  line.add()("tokens", po::value<std::string>(), "token numbers, separated by commas")(
      "output", po::value<std::string>(), "where to write the float32 array [tokens, vocabulary]")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "a Hugging Face folder or config.json, for Megatron checkpoints that do not say what they are")(
      "threads", po::value<int>()->default_value(0), "threads; 0: one per processor")(
      "backend", po::value<std::string>()->default_value("cpu"), "cpu or cudnn")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  if (!line.has("tokens") || !line.has("output")) throw UsageError("logits needs --tokens and --output");
  const std::vector<std::int64_t> tokens = parse_tokens(line.get<std::string>("tokens"));

  OpenOptions open;
  open.hf_reference = line.get<std::string>("hf-reference");
  const Checkpoint checkpoint = open_checkpoint(line.get<std::string>("SOURCE"), open);
  print_notes(checkpoint);
  const auto backend =
      runtime::make_backend({line.get<std::string>("backend"), line.get<int>("threads"), DType::f32});
  runtime::Decoder decoder(checkpoint, *backend);
  decoder.stop_when(interrupted);
  runtime::LogitsStream logits(decoder, tokens);
  NpyWriter file(line.get<std::string>("output"), static_cast<std::int64_t>(tokens.size()),
                 decoder.vocab_size());
  for (auto rows = logits.next(); !rows.empty(); rows = logits.next()) file.append(rows);
  file.finish();
  const nlohmann::json report{{"output", line.get<std::string>("output")},
                              {"shape", {tokens.size(), decoder.vocab_size()}},
                              {"backend", backend->describe()},
                              {"gathered_bytes", decoder.gathered_bytes()}};
  if (!line.print_json(report))
    std::cout << "wrote logits [" << tokens.size() << ", " << decoder.vocab_size() << "] to "
              << line.get<std::string>("output") << '\n';
  return 0;
}

}  // namespace mhub::converters
