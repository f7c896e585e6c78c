// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/pretrained_causal_lm.hpp"

#include <algorithm>
#include <ostream>

#include "mhub/base/error.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/pretrained/inspection.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "mhub/runtime/stop_strings.hpp"

namespace mhub {
namespace {

constexpr std::int64_t kDefaultNewTokens = 128;

runtime::SamplingOptions sampling_of(const GenerateOptions& options, runtime::SamplingOptions model) {
  const bool filtered = options.top_k || options.top_p || options.min_p;
  if (options.do_sample) {
    model.do_sample = *options.do_sample;
  } else if (options.temperature) {
    model.do_sample = *options.temperature != 0;
  } else if (filtered) {
    model.do_sample = true;
  }
  model.temperature = options.temperature.value_or(model.temperature);
  model.top_k = options.top_k.value_or(model.top_k);
  model.top_p = options.top_p.value_or(model.top_p);
  model.min_p = options.min_p.value_or(model.min_p);
  return model;
}

runtime::LogitsRules rules_of(const GenerateOptions& options, runtime::LogitsRules model) {
  model.repetition_penalty = options.repetition_penalty.value_or(model.repetition_penalty);
  model.no_repeat_ngram_size = options.no_repeat_ngram_size.value_or(model.no_repeat_ngram_size);
  model.min_new_tokens = options.min_new_tokens.value_or(model.min_new_tokens);
  return model;
}

/// What the model's own config says must be what mhub can do, where the caller does not say otherwise.
void require_usable(const runtime::GenerationConfig& model, const GenerateOptions& options,
                    const runtime::GenerationOptions& resolved, std::int64_t vocabulary) {
  for (const runtime::UnsupportedField& one : model.unsupported) {
    const bool said = one.field == "top_k" && options.top_k;
    if ((!one.sampling || resolved.sampling.do_sample) && !said)
      throw InputError(model.file + ": " + one.field + "=" + one.value + " is not supported");
  }
  try {
    check(resolved.sampling);
    check(resolved.rules, vocabulary);
  } catch (const UsageError& error) {
    throw InputError(model.file + ": " + error.what());
  }
}

/// How many tokens to add to a prompt.
std::int64_t new_tokens(const GenerateOptions& options, const runtime::GenerationConfig& model,
                        std::size_t prompt) {
  const auto behind_prompt = [&](std::int64_t length) {
    const std::int64_t left = length - static_cast<std::int64_t>(prompt);
    if (left > 0) return left;
    throw UsageError("max_length " + std::to_string(length) + ": the prompt alone has " +
                     std::to_string(prompt) + " tokens; give max_new_tokens, or a max_length above that");
  };
  if (options.max_new_tokens) return *options.max_new_tokens;
  if (options.max_length) return behind_prompt(*options.max_length);
  if (model.max_new_tokens) return *model.max_new_tokens;
  return model.max_length ? behind_prompt(*model.max_length) : kDefaultNewTokens;
}

/// The model's own settings, changed by what the caller says.
runtime::GenerationOptions resolved(const GenerateOptions& options, const runtime::GenerationConfig& model,
                                    std::size_t prompt, std::int64_t vocabulary) {
  runtime::GenerationOptions result;
  // By itself first, so that it is known who said what cannot be.
  check(sampling_of(options, {}));
  check(rules_of(options, {}), vocabulary);
  result.sampling = sampling_of(options, model.sampling);
  result.rules = rules_of(options, model.rules);
  require_usable(model, options, result, vocabulary);
  result.eos_token_ids = options.eos_token_id.value_or(model.eos_token_ids);
  result.max_new_tokens = new_tokens(options, model, prompt);
  result.seed = options.seed;
  result.precision = options.exact ? runtime::Precision::exact : runtime::Precision::fast;
  return result;
}

/// Turns new tokens into text piece by piece and says when a stop string has come.
class TextCollector {
 public:
  TextCollector(const Tokenizer& tokenizer, std::vector<std::string> stop_strings,
                const GenerateOptions& options)
      : tokenizer_(tokenizer),
        decoder_(tokenizer, {.skip_special_tokens = true}),
        stops_(std::move(stop_strings)),
        options_(options) {}
  /// True when generation ends here.
  bool put(std::int64_t token) {
    const auto id = static_cast<TokenId>(token);
    emit(stops_.put(decoder_.put(id)));
    // Special tokens are no part of the text, but a stop string may name them (transformers'
    // StopStringCriteria).
    if (tokenizer_.is_special(id))
      emit(stops_.put(tokenizer_.token_of(id).value_or(""), runtime::StopStrings::Text::hidden));
    return stops_.found();
  }
  std::string finish() {
    emit(stops_.put(decoder_.finish()));
    emit(stops_.finish());
    return text_;
  }

 private:
  void emit(const std::string& piece) {
    text_ += piece;
    if (options_.on_text && !piece.empty()) options_.on_text(piece);
  }

  const Tokenizer& tokenizer_;
  StreamDecoder decoder_;
  runtime::StopStrings stops_;
  const GenerateOptions& options_;
  std::string text_;
};

}  // namespace

CausalLM CausalLM::from_pretrained(const std::string& source, const LoadOptions& options) {
  const runtime::BackendOptions device{options.device, options.threads, options.dtype.value_or(DType::f32)};
  runtime::check(device);
  CausalLM model;
  OpenOptions open;
  open.hf_reference = options.hf_reference;
  model.options_ = options;
  model.checkpoint_ = std::make_shared<Checkpoint>(open_checkpoint(source, open));
  if (model.checkpoint_->model == nullptr)
    throw InputError(source +
                     ": does not say which model it holds; name its Hugging Face model (--hf-reference)");
  // Not when it is first used: whoever asked for a GPU that is not there learns it here.
  if (options.device != "cpu")
    model.backend_ = runtime::make_backend({options.device, options.threads, model.device_dtype()});
  return model;
}

bool CausalLM::has_tokenizer() const {
  return checkpoint_->files != nullptr && Tokenizer::is_in(*checkpoint_->files);
}

const Tokenizer& CausalLM::tokenizer() {
  if (!has_tokenizer())
    throw InputError(checkpoint_->path + ": has no tokenizer; give tokens instead of text");
  if (!tokenizer_) tokenizer_ = Tokenizer::from_files(*checkpoint_->files);
  return *tokenizer_;
}

const ChatTemplate& CausalLM::chat_template() {
  if (!chat_template_) chat_template_ = ChatTemplate::from_files(*checkpoint_->files);
  return *chat_template_;
}

const runtime::GenerationConfig& CausalLM::generation_config() {
  if (!generation_config_) generation_config_ = runtime::load_generation_config(*checkpoint_);
  return *generation_config_;
}

DType CausalLM::device_dtype() const {
  return options_.exact ? DType::f32 : options_.dtype.value_or(runtime::half_dtype(*checkpoint_));
}

std::string CausalLM::dtype() const {
  if (options_.device != "cpu") return std::string(torch_name(device_dtype()));
  return options_.dtype ? std::string(torch_name(*options_.dtype)) : stored_dtype(checkpoint_->state);
}

runtime::Decoder& CausalLM::model() {
  if (!decoder_) {
    if (!backend_) backend_ = runtime::make_backend({options_.device, options_.threads});
    // A GPU's backend takes weights as they are stored and rounds them on their way.
    const std::optional<DType> dtype = options_.device == "cpu" ? options_.dtype : std::nullopt;
    decoder_ = std::make_unique<runtime::Decoder>(*checkpoint_, *backend_, dtype);
    decoder_->stop_when(options_.cancelled);
  }
  return *decoder_;
}

std::vector<std::int64_t> CausalLM::encode(std::string_view text) {
  const TokenIds ids = tokenizer().encode(text);
  return {ids.begin(), ids.end()};
}

std::string CausalLM::decode(std::span<const std::int64_t> tokens) {
  TokenIds ids;
  for (const std::int64_t token : tokens) ids.push_back(static_cast<TokenId>(token));
  return tokenizer().decode(ids, {.skip_special_tokens = true});
}

std::vector<std::int64_t> CausalLM::encode_chat(const nlohmann::ordered_json& messages) {
  ChatRequest request;
  request.messages = messages;
  request.add_generation_prompt = true;
  return encode_chat(request);
}

std::vector<std::int64_t> CausalLM::encode_chat(const ChatRequest& request) {
  // The template writes the special tokens itself.
  const TokenIds ids = tokenizer().encode(chat_template().render(request), {.add_special_tokens = false});
  return {ids.begin(), ids.end()};
}

TextGeneration CausalLM::generate(std::span<const std::int64_t> prompt, const GenerateOptions& options) {
  runtime::GenerationOptions settings =
      resolved(options, generation_config(), prompt.size(), transformer_config().vocab_size);
  std::optional<TextCollector> collector;
  const std::vector<std::string>& stops =
      options.stop_strings.empty() ? generation_config().stop_strings : options.stop_strings;
  if (has_tokenizer()) {
    collector.emplace(tokenizer(), stops, options);
  } else if (!stops.empty()) {
    throw UsageError(checkpoint_->path + ": stop strings need a tokenizer, and there is none");
  }
  const std::vector<std::int64_t>& stop_ids = options.stop_token_ids;
  settings.on_token = [&](std::size_t, std::int64_t token) {
    const bool text = collector && collector->put(token);
    return text || std::find(stop_ids.begin(), stop_ids.end(), token) != stop_ids.end();
  };
  runtime::GenerationResult result =
      runtime::generate(model(), {std::vector<std::int64_t>(prompt.begin(), prompt.end())}, settings);
  runtime::Generation& one = result.sequences.front();
  return {std::move(one.tokens), collector ? collector->finish() : std::string(), one.finish, result.timing};
}

TextGeneration CausalLM::generate(std::string_view prompt, const GenerateOptions& options) {
  return generate(encode(prompt), options);
}

nlohmann::json CausalLM::save(const std::string& output, WriteOptions options, RunOptions run) const {
  if (!options.dtype) options.dtype = options_.dtype;
  if (run.jobs == 0) run.jobs = options_.threads;
  return convert(Conversion(checkpoint_, options), output, run);
}

void CausalLM::save_pretrained(const std::string& folder) const {
  save(folder, {.format = std::string(hf_format().name())});
}

std::ostream& operator<<(std::ostream& out, const CausalLM& model) {
  ModelSummary summary = summarize(model.checkpoint());
  summary.device = model.device();
  summary.dtype = model.dtype();
  return out << to_string(summary);
}

void require_model_class(const Checkpoint& checkpoint, const std::string& class_name) {
  if (checkpoint.model->class_name == class_name) return;
  throw InputError(checkpoint.path + ": holds a " + checkpoint.model->class_name + ", expected a " +
                   class_name);
}

}  // namespace mhub
