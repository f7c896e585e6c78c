// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/pretrained_causal_lm.hpp"

#include <algorithm>
#include <ostream>

#include "mhub/base/error.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/pretrained/inspection.hpp"
#include "mhub/runtime/eyes.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "mhub/runtime/text_collector.hpp"

namespace mhub {

CausalLM CausalLM::from_pretrained(const std::string& source, const LoadOptions& options) {
  const runtime::BackendOptions device{options.device, options.threads, options.dtype.value_or(DType::f32)};
  runtime::check(device);
  CausalLM model;
  OpenOptions open;
  open.hf_reference = options.hf_reference;
  open.callbacks = options.download;
  model.options_ = options;
  model.options_.download = {};  // who watches may be gone later
  model.checkpoint_ = std::make_shared<Checkpoint>(open_checkpoint(source, open));
  if (model.checkpoint_->model == nullptr) throw InputError(model.checkpoint_->unknown_model);
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
  if (!chat_template_)
    chat_template_ = runtime::eyes_of(*checkpoint_) ? ChatTemplate::of_processor(*checkpoint_->files)
                                                    : ChatTemplate::from_files(*checkpoint_->files);
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
  const std::string text = chat_template().render(request);
  const TokenIds ids = tokenizer().encode(text, {.add_special_tokens = !has_special_tokens(text)});
  return {ids.begin(), ids.end()};
}

bool CausalLM::has_special_tokens(std::string_view rendered) {
  // A tokenizer's templates write them all. A processor believes so only where the text begins with the first
  // of them (transformers' processing_utils.py, apply_chat_template).
  if (!runtime::eyes_of(*checkpoint_)) return true;
  const SpecialTokens& special = chat_template().special_tokens();
  const auto begin = special.find("bos_token");
  return begin != special.end() && rendered.starts_with(begin->second);
}

std::vector<TextGeneration> CausalLM::generate_all(const std::vector<runtime::Prompt>& prompts,
                                                   const GenerateOptions& options) {
  std::size_t longest = 0;
  for (const runtime::Prompt& prompt : prompts) longest = std::max(longest, prompt.tokens.size());
  runtime::GenerationOptions settings =
      runtime::resolve(options, generation_config(), longest, transformer_config().vocab_size);
  const std::vector<std::string>& stops =
      options.stop_strings.empty() ? generation_config().stop_strings : options.stop_strings;
  std::vector<runtime::TextCollector> collectors;
  if (has_tokenizer()) {
    for (std::size_t k = 0; k < prompts.size(); ++k)
      collectors.emplace_back(tokenizer(), stops, options.on_text);
  } else if (!stops.empty() && options.stop_strings.empty()) {
    throw InputError(generation_config().file + ": stop_strings need a tokenizer, and there is none");
  } else if (!stops.empty()) {
    throw UsageError(checkpoint_->path + ": stop strings need a tokenizer, and there is none");
  }
  const std::vector<std::int64_t>& stop_ids = options.stop_token_ids;
  settings.on_token = [&](std::size_t sequence, std::int64_t token) {
    const bool text = !collectors.empty() && collectors[sequence].put(token);
    return text || std::find(stop_ids.begin(), stop_ids.end(), token) != stop_ids.end();
  };
  runtime::GenerationResult result = runtime::generate(model(), prompts, settings);
  std::vector<TextGeneration> answers;
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    runtime::Generation& one = result.sequences[k];
    answers.push_back({std::move(one.tokens), collectors.empty() ? std::string() : collectors[k].finish(),
                       one.finish, result.timing});
  }
  return answers;
}

TextGeneration CausalLM::generate(const runtime::Prompt& prompt, const GenerateOptions& options) {
  return std::move(generate_all({prompt}, options).front());
}

std::vector<TextGeneration> CausalLM::generate_batch(const std::vector<std::vector<std::int64_t>>& prompts,
                                                     const GenerateOptions& options) {
  if (options.on_text) throw UsageError("on_text follows one answer, and a batch has several");
  std::vector<runtime::Prompt> all;
  for (const std::vector<std::int64_t>& prompt : prompts) all.push_back({prompt});
  return generate_all(all, options);
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
