// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include <nlohmann/json.hpp>

#include "interrupt.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/logits_stream.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "npy.hpp"
#include "options.hpp"
#include "parse.hpp"

namespace po = boost::program_options;

namespace mhub::converters {
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
  if (line.has("json")) {
    std::cout << report.dump(1) << '\n';
  } else {
    std::cout << "wrote logits [" << tokens.size() << ", " << decoder.vocab_size() << "] to "
              << line.get<std::string>("output") << '\n';
  }
  return 0;
}

}  // namespace mhub::converters
