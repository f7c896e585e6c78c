// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/pretrained/chat_images.hpp"
#include "mhub/pretrained/pretrained_vlm.hpp"
#include "options.hpp"
#include "pictures.hpp"
#include "terminal.hpp"

namespace mhub::converters {
namespace {

using runtime::Generation;

constexpr std::uint64_t kLargestPrompt = std::uint64_t{1} << 30;

void declare_generate(CommandLine& line) {
  line.add()("prompt", po::value<std::string>(), "the text to continue, or with --chat to answer")(
      "prompt-file", po::value<std::string>(), "a file with that text, all of it")(
      "tokens", po::value<std::string>(), "the prompt as token numbers, separated by commas")(
      "chat", "put the prompt into the model's chat template, as the user's message")(
      "system", po::value<std::string>(), "with --chat: the system message")(
      "messages", po::value<std::string>(),
      "a JSON file with the conversation to answer: [{\"role\": ..., \"content\": ...}, ...]")(
      "tools", po::value<std::string>(),
      "with --chat or --messages: a JSON file with a list of tool schemas")(
      "template-arg", po::value<std::vector<std::string>>()->default_value({}, ""),
      "with --chat or --messages: NAME=VALUE for the chat template, VALUE as JSON or as text; repeatable")(
      "max-new-tokens", po::value<std::int64_t>(),
      "tokens to generate at most (default: the model's, or 128)")(
      "max-length", po::value<std::int64_t>(), "the same with the prompt's tokens counted")(
      "min-new-tokens", po::value<std::int64_t>(), "no end-of-sequence token before so many")(
      "do-sample", po::value<bool>(),
      "true: draw; false: always the most likely token (default: true with --temperature above 0, --top-k, "
      "--top-p or --min-p, else the model's)")("temperature", po::value<double>(),
                                               "0: always the most likely token (default: the model's)")(
      "top-k", po::value<std::int64_t>(), "draw from the K most likely tokens; 0: off")(
      "top-p", po::value<double>(), "draw from the most likely tokens that make up this probability")(
      "min-p", po::value<double>(), "no token less likely than this share of the most likely one")(
      "repetition-penalty", po::value<double>(), "above 1: tokens that have occurred become less likely")(
      "seed", po::value<std::uint64_t>()->default_value(0), "of the random numbers")(
      "stop", po::value<std::vector<std::string>>()->default_value({}, ""),
      "text that ends generation, special tokens' too; repeatable")(
      "stop-token-ids", po::value<std::string>()->default_value(""), "tokens that end generation, as 1,2,3")(
      "no-repeat-ngram-size", po::value<std::int64_t>(), "no run of so many tokens occurs twice")(
      "use-mtp", po::value<bool>(),
      "true: the model's prediction block guesses, and guesses are checked, two tokens in a pass; "
      "false: it does not; the tokens are the same (default: where the model can and it pays)")(
      "ignore-eos", "go on behind end-of-sequence tokens")("exact",
                                                           "float32 throughout, where bfloat16 is faster")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "a Hugging Face folder or config.json, for Megatron checkpoints that do not say what they are")(
      "threads", po::value<int>()->default_value(0), "threads; 0: one per processor")(
      "backend", po::value<std::string>()->default_value("cpu"),
      "cpu, or cudnn (also cuda) for the first GPU")("json", "print JSON");
}

GenerateOptions options_of(const CommandLine& line) {
  GenerateOptions options;
  options.max_new_tokens = line.find<std::int64_t>("max-new-tokens");
  options.min_new_tokens = line.find<std::int64_t>("min-new-tokens");
  options.max_length = line.find<std::int64_t>("max-length");
  options.do_sample = line.find<bool>("do-sample");
  options.temperature = line.find<double>("temperature");
  options.top_k = line.find<std::int64_t>("top-k");
  options.top_p = line.find<double>("top-p");
  options.min_p = line.find<double>("min-p");
  options.repetition_penalty = line.find<double>("repetition-penalty");
  options.seed = line.get<std::uint64_t>("seed");
  options.stop_strings = line.get<std::vector<std::string>>("stop");
  options.stop_token_ids = parse_token_list<std::int64_t>(line.get<std::string>("stop-token-ids"));
  options.no_repeat_ngram_size = line.find<std::int64_t>("no-repeat-ngram-size");
  options.use_mtp = line.find<bool>("use-mtp");
  if (line.has("ignore-eos")) options.eos_token_id.emplace();
  options.exact = line.has("exact");
  return options;
}

nlohmann::ordered_json list_in(const std::string& path) {
  nlohmann::ordered_json list = parse_ordered_json(read_file(path, kLargestPrompt), path);
  if (!list.is_array()) throw InputError(path + ": expected a list, found " + list.type_name());
  return list;
}

/// NAME=VALUE; the value is text where it is no JSON.
void set_variable(nlohmann::ordered_json& variables, const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == 0 || equals == argument.npos)
    throw UsageError("--template-arg " + argument + ": expected NAME=VALUE");
  const std::string text = argument.substr(equals + 1);
  nlohmann::ordered_json value = nlohmann::ordered_json::parse(text, nullptr, false);
  variables[argument.substr(0, equals)] = value.is_discarded() ? nlohmann::ordered_json(text) : value;
}

/// What a user says: text, and pictures in front of it.
nlohmann::ordered_json user_content(const CommandLine& line, const std::string& text) {
  const std::size_t images = images_of(line).size();
  if (images == 0) return text;
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < images; ++k) parts.push_back({{"type", "image"}});
  parts.push_back({{"type", "text"}, {"text", text}});
  return parts;
}

ChatRequest conversation(const CommandLine& line, const std::string& text) {
  ChatRequest request;
  request.add_generation_prompt = true;
  if (line.has("system"))
    request.messages.push_back({{"role", "system"}, {"content", line.get<std::string>("system")}});
  if (line.has("messages")) {
    request.messages = list_in(line.get<std::string>("messages"));
  } else {
    request.messages.push_back({{"role", "user"}, {"content", user_content(line, text)}});
  }
  if (line.has("tools")) request.tools = list_in(line.get<std::string>("tools"));
  for (const std::string& argument : line.get<std::vector<std::string>>("template-arg"))
    set_variable(request.variables, argument);
  return request;
}

std::string text_of(const CommandLine& line) {
  if (line.has("prompt-file")) return read_file(line.get<std::string>("prompt-file"), kLargestPrompt);
  return line.find<std::string>("prompt").value_or("");
}

/// What the model is asked: a conversation, or a text where there is none, unless --tokens says it.
struct Question {
  std::string text;
  std::optional<ChatRequest> conversation;
};

/// Reads each file once.
Question question_of(const CommandLine& line) {
  Question question{text_of(line), std::nullopt};
  if (line.has("chat") || line.has("messages")) question.conversation = conversation(line, question.text);
  return question;
}

std::vector<std::int64_t> prompt_of(const CommandLine& line, const Question& question, CausalLM& model) {
  if (line.has("tokens")) return parse_tokens(line.get<std::string>("tokens"));
  if (question.conversation) return model.encode_chat(*question.conversation);
  return model.encode(question.text);
}

/// Whether a picture is given, by --image or in the conversation.
bool sees(const CommandLine& line, const Question& question) {
  return !images_of(line).empty() ||
         (question.conversation && shows_pictures(question.conversation->messages));
}

VlmInputs inputs_of(const CommandLine& line, const Question& question, VLM& model) {
  const std::vector<ImageInput> images = images_of(line);
  if (line.has("tokens"))
    return {parse_tokens(line.get<std::string>("tokens")), model.process_images(images)};
  if (question.conversation) return model.process_images_and_chat(images, *question.conversation);
  return model.process_images_and_text(images, question.text);
}

void check_prompt(const CommandLine& line) {
  const int prompts =
      line.has("prompt") + line.has("prompt-file") + line.has("tokens") + line.has("messages");
  if (prompts != 1)
    throw UsageError("generate needs one of --prompt, --prompt-file, --messages and --tokens");
  const bool text = line.has("prompt") || line.has("prompt-file");
  if (line.has("chat") && !text) throw UsageError("--chat needs --prompt or --prompt-file");
  if (line.has("system") && !line.has("chat")) throw UsageError("--system needs --chat");
  const bool templated = line.has("tools") || !line.get<std::vector<std::string>>("template-arg").empty();
  if (templated && !line.has("chat") && !line.has("messages"))
    throw UsageError("--tools and --template-arg need --chat or --messages");
}

std::string finish_name(Generation::Finish finish) {
  switch (finish) {
    case Generation::Finish::eos: return "eos";
    case Generation::Finish::stop: return "stop";
    case Generation::Finish::context: return "context";
    case Generation::Finish::length: break;
  }
  return "length";
}

double rate(std::int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

nlohmann::json report(const TextGeneration& result, const runtime::Decoder& decoder, double load_seconds,
                      const std::vector<std::int64_t>& prompt) {
  const runtime::GenerationTiming& timing = result.timing;
  return {{"text", result.text},
          {"tokens", result.tokens},
          {"finish", finish_name(result.finish)},
          {"prompt", prompt},
          {"prompt_tokens", prompt.size()},
          {"new_tokens", result.tokens.size()},
          {"load_seconds", load_seconds},
          {"prefill_seconds", timing.prefill_seconds},
          {"prefill_tokens_per_second", rate(timing.prompt_tokens, timing.prefill_seconds)},
          {"decode_seconds", timing.decode_seconds},
          {"decode_tokens_per_second", rate(timing.decoded_tokens, timing.decode_seconds)},
          {"decode_passes", timing.decode_passes},
          {"guessed_tokens", timing.guessed_tokens},
          {"accepted_tokens", timing.accepted_tokens},
          {"backend", decoder.backend().describe()},
          {"gathered_bytes", decoder.gathered_bytes()}};
}

void print_tokens(const std::vector<std::int64_t>& tokens) {
  std::string separator;
  for (const std::int64_t token : tokens) {
    std::cout << separator << token;
    separator = ",";
  }
}

/// Continues a prompt and prints what comes; the clock ran from `start` on.
template <typename Generate>
int answer(const CommandLine& line, CausalLM& model, const std::vector<std::int64_t>& prompt,
           std::chrono::steady_clock::time_point start, const Generate& generate) {
  GenerateOptions options = options_of(line);
  const runtime::Decoder& decoder = model.model();
  const double load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  show(line.has("json") ? Shown::exact : Shown::whole);
  // Text is shown as it comes; a model asked with numbers answers with numbers.
  const bool stream = !line.has("json") && !line.has("tokens");
  if (stream) options.on_text = [](std::string_view piece) { std::cout << piece << std::flush; };
  const TextGeneration result = generate(options);
  if (line.print_json(report(result, decoder, load_seconds, prompt))) return 0;
  if (!stream) print_tokens(result.tokens);
  std::cout << '\n';
  return 0;
}

}  // namespace

int generate_command(const Arguments& arguments) {
  CommandLine line(
      "mhub generate SOURCE (--prompt TEXT | --prompt-file FILE) [--chat] [--max-new-tokens N] [--json] ...\n"
      "mhub generate SOURCE --messages FILE.json [--tools FILE.json] [--template-arg NAME=VALUE]...\n"
      "mhub generate SOURCE --tokens IDS ...",
      {"SOURCE"});
  declare_generate(line);
  declare_pictures(line);
  if (!line.parse(arguments)) return 0;
  check_prompt(line);
  const auto start = std::chrono::steady_clock::now();
  const Question question = question_of(line);
  OpenedModel opened(line, line.has("exact"), sees(line, question));
  if (VLM* eyes = opened.eyes()) {
    const VlmInputs inputs = inputs_of(line, question, *eyes);
    return answer(line, *eyes, inputs.input_ids, start,
                  [&](const GenerateOptions& options) { return eyes->generate(inputs, options); });
  }
  const std::vector<std::int64_t> prompt = prompt_of(line, question, opened.model());
  note_blindness(opened.model(), prompt);
  return answer(line, opened.model(), prompt, start,
                [&](const GenerateOptions& options) { return opened.model().generate(prompt, options); });
}

}  // namespace mhub::converters
