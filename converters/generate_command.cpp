#include <chrono>
#include <iostream>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/runtime/generation.hpp"
#include "options.hpp"
#include "parse.hpp"

namespace po = boost::program_options;

namespace mhub::converters {
namespace {

using runtime::Generation;
using runtime::GenerationConfig;
using runtime::GenerationOptions;
using runtime::GenerationResult;

void declare(CommandLine& line) {
  line.add()("tokens", po::value<std::string>(), "the prompt as token numbers, separated by commas")(
      "max-new-tokens", po::value<std::int64_t>(),
      "tokens to generate at most (default: the model's, or 128)")("temperature", po::value<double>(),
                                                                   "0: always the most likely token")(
      "top-k", po::value<std::int64_t>(), "draw from the K most likely tokens; 0: off")(
      "top-p", po::value<double>(), "draw from the most likely tokens that make up this probability")(
      "min-p", po::value<double>(), "no token less likely than this share of the most likely one")(
      "repetition-penalty", po::value<double>(), "above 1: tokens that have occurred become less likely")(
      "seed", po::value<std::uint64_t>()->default_value(0), "of the random numbers")(
      "ignore-eos", "go on behind end-of-sequence tokens")(
      "exact", "float32 activations in long prompts too, where bfloat16 is faster")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "a Hugging Face folder or config.json, for Megatron checkpoints that do not say what they are")(
      "threads", po::value<int>()->default_value(0), "threads; 0: one per processor")(
      "backend", po::value<std::string>()->default_value("cpu"), "cpu")("json", "print JSON");
}

/// The model's own defaults, changed by what the command line says. A temperature chooses sampling or, as 0,
/// the most likely token.
GenerationOptions options_of(const CommandLine& line, const GenerationConfig& model) {
  GenerationOptions options;
  options.sampling = model.sampling;
  options.eos_token_ids = line.has("ignore-eos") ? std::vector<std::int64_t>() : model.eos_token_ids;
  options.max_new_tokens =
      line.find<std::int64_t>("max-new-tokens").value_or(model.max_new_tokens.value_or(128));
  if (const auto temperature = line.find<double>("temperature")) {
    options.sampling.do_sample = *temperature != 0;
    options.sampling.temperature = *temperature;
  }
  options.sampling.top_k = line.find<std::int64_t>("top-k").value_or(options.sampling.top_k);
  options.sampling.top_p = line.find<double>("top-p").value_or(options.sampling.top_p);
  options.sampling.min_p = line.find<double>("min-p").value_or(options.sampling.min_p);
  options.sampling.repetition_penalty =
      line.find<double>("repetition-penalty").value_or(options.sampling.repetition_penalty);
  options.seed = line.get<std::uint64_t>("seed");
  options.precision = line.has("exact") ? runtime::Precision::exact : runtime::Precision::fast;
  return options;
}

std::string finish_name(Generation::Finish finish) {
  switch (finish) {
    case Generation::Finish::eos: return "eos";
    case Generation::Finish::stop: return "stop";
    case Generation::Finish::length: break;
  }
  return "length";
}

double rate(std::int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

nlohmann::json report(const GenerationResult& result, const runtime::Decoder& decoder, double load_seconds,
                      std::int64_t prompt_tokens) {
  const Generation& one = result.sequences.front();
  const runtime::GenerationTiming& timing = result.timing;
  return {{"tokens", one.tokens},
          {"finish", finish_name(one.finish)},
          {"prompt_tokens", prompt_tokens},
          {"new_tokens", one.tokens.size()},
          {"load_seconds", load_seconds},
          {"prefill_seconds", timing.prefill_seconds},
          {"prefill_tokens_per_second", rate(timing.prompt_tokens, timing.prefill_seconds)},
          {"decode_seconds", timing.decode_seconds},
          {"decode_tokens_per_second", rate(timing.decoded_tokens, timing.decode_seconds)},
          {"backend", decoder.backend().describe()},
          {"gathered_bytes", decoder.gathered_bytes()}};
}

}  // namespace

int generate_command(const Arguments& arguments) {
  CommandLine line("mhub generate SOURCE --tokens IDS [--max-new-tokens N] [--temperature X] [--json] ...",
                   {"SOURCE"});
  declare(line);
  if (!line.parse(arguments)) return 0;
  if (!line.has("tokens")) throw UsageError("generate needs --tokens");
  const std::vector<std::int64_t> prompt = parse_tokens(line.get<std::string>("tokens"));

  const auto start = std::chrono::steady_clock::now();
  OpenOptions open;
  open.hf_reference = line.get<std::string>("hf-reference");
  const Checkpoint checkpoint = open_checkpoint(line.get<std::string>("SOURCE"), open);
  const GenerationOptions options = options_of(line, runtime::load_generation_config(checkpoint));
  const auto backend = make_backend(line.get<std::string>("backend"), line.get<int>("threads"));
  runtime::Decoder decoder(checkpoint, *backend);
  const double load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const GenerationResult result = runtime::generate(decoder, {prompt}, options);
  if (line.has("json")) {
    std::cout << report(result, decoder, load_seconds, static_cast<std::int64_t>(prompt.size())).dump(1)
              << '\n';
    return 0;
  }
  std::string separator;
  for (const std::int64_t token : result.sequences.front().tokens) {
    std::cout << separator << token;
    separator = ",";
  }
  std::cout << '\n';
  return 0;
}

}  // namespace mhub::converters
