// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "mhub/convert/convert.hpp"
#include "mhub/pretrained/model_state.hpp"
#include "mhub/runtime/generate_options.hpp"
#include "mhub/text/chat_template/chat_template.hpp"
#include "mhub/text/tokenizer.hpp"

namespace mhub {

/// How a model is loaded.
struct LoadOptions {
  std::optional<DType> dtype = {};  ///< f32, f16 or bf16; nothing: as stored, used in place
  std::string device = "cpu";       ///< "cpu", or "cuda" (also "cudnn") for the first GPU
  bool exact = false;               ///< a GPU multiplies in float32 with kernels of its own, slowly
  int threads = 0;                  ///< 0: one per processor
  std::string hf_reference = {};    ///< for Megatron checkpoints that do not say what they are (OpenOptions)
  std::function<bool()> cancelled = {};  ///< once it is true, a running `generate` ends with Interrupted
  Callbacks download = {};               ///< of a model that comes from the Hub
};

using runtime::GenerateOptions;

/// A continuation.
struct TextGeneration {
  std::vector<std::int64_t> tokens;  ///< new ones
  std::string text;                  ///< decoded without special tokens; empty without a tokenizer
  runtime::Generation::Finish finish = runtime::Generation::Finish::length;
  runtime::GenerationTiming timing;
};

/// A causal language model from a Hugging Face folder, a model of the Hub ("gpt2", "org/name@revision") or a
/// Megatron checkpoint of any kind. Opening reads headers and small files only; tokenizer, generation config
/// and weights are loaded when they are first asked for. Movable; not thread-safe. All functions throw
/// mhub::Error.
class CausalLM {
 public:
  /// Throws UsageError for a device or a type that mhub does not know, IoError when there is no such device
  /// here.
  static CausalLM from_pretrained(const std::string& source, const LoadOptions& options = {});

  const Checkpoint& checkpoint() const { return *checkpoint_; }
  /// The Hugging Face config as it stands in config.json.
  const ConfigReader& config_json() const { return *checkpoint_->config; }
  const TransformerConfig& transformer_config() const { return *checkpoint_->transformer; }
  bool has_tokenizer() const;
  const Tokenizer& tokenizer();
  /// The tokenizer's; of a model that sees pictures the processor's, which is not always the same.
  const ChatTemplate& chat_template();
  const runtime::GenerationConfig& generation_config();
  runtime::Decoder& model();
  /// Where it runs, as the caller called it, and in which of torch's types: as loaded on a CPU ("mixed" when
  /// tensors differ), a GPU's own choice there.
  const std::string& device() const { return options_.device; }
  std::string dtype() const;
  /// The tensors by Hugging Face, Megatron and uniform names.
  ModelState state() const { return ModelState(*checkpoint_); }

  std::vector<std::int64_t> encode(std::string_view text);
  std::string decode(std::span<const std::int64_t> tokens);
  /// The tokens of a conversation, [{"role": ..., "content": ...}, ...], up to where the assistant answers.
  std::vector<std::int64_t> encode_chat(const nlohmann::ordered_json& messages);
  /// The same with tools, documents and variables of the template.
  std::vector<std::int64_t> encode_chat(const ChatRequest& request);
  TextGeneration generate(std::span<const std::int64_t> prompt, const GenerateOptions& options = {}) {
    return generate(runtime::Prompt{{prompt.begin(), prompt.end()}}, options);
  }
  TextGeneration generate(std::string_view prompt, const GenerateOptions& options = {});
  /// Prompts of any lengths together: each answer is the one that its prompt would get alone, but that number
  /// k draws with options.seed + k and that max_length counts from the longest prompt, as transformers has
  /// it. Throws UsageError for options.on_text, which follows one answer.
  std::vector<TextGeneration> generate_batch(const std::vector<std::vector<std::int64_t>>& prompts,
                                             const GenerateOptions& options = {});

  /// Writes the model in any format and layout, {.format = "torch", .tp = 8}, in the type that it was loaded
  /// in unless another one is given: what mhub::convert does (convert.hpp), which also says what is returned.
  nlohmann::json save(const std::string& output, WriteOptions options = {}, RunOptions run = {}) const;
  /// The same as a Hugging Face folder. Throws UsageError when something is there already.
  void save_pretrained(const std::string& folder) const;

 protected:
  TextGeneration generate(const runtime::Prompt& prompt, const GenerateOptions& options);
  std::vector<TextGeneration> generate_all(const std::vector<runtime::Prompt>& prompts,
                                           const GenerateOptions& options);
  const LoadOptions& load_options() const { return options_; }
  /// Whether a rendered conversation is to be encoded as it stands, without what the tokenizer adds.
  bool has_special_tokens(std::string_view rendered);

 private:
  DType device_dtype() const;

  LoadOptions options_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<ChatTemplate> chat_template_;
  std::optional<runtime::GenerationConfig> generation_config_;
  std::unique_ptr<runtime::Backend> backend_;
  std::unique_ptr<runtime::Decoder> decoder_;
};

/// "PreTrainedCausalLM(\n  (model): ...\n)", from headers alone.
std::ostream& operator<<(std::ostream& out, const CausalLM& model);

/// Stands for whatever class a checkpoint has.
struct AnyCausalLM {};

/// The same, for a known class when `Model` is a plugin's model class:
/// PreTrainedCausalLM<gpt2::GPT2LMHeadModel>.
template <typename Model = AnyCausalLM>
class PreTrainedCausalLM : public CausalLM {
 public:
  /// Throws InputError naming both classes when the checkpoint is of another one.
  static PreTrainedCausalLM from_pretrained(const std::string& source, const LoadOptions& options = {}) {
    PreTrainedCausalLM model(CausalLM::from_pretrained(source, options));
    model.require_class(Model::class_name);
    return model;
  }
  /// The typed config.
  typename Model::Config config() const {
    return std::any_cast<typename Model::Config>(checkpoint().model->config(config_json()));
  }

 private:
  explicit PreTrainedCausalLM(CausalLM&& model) : CausalLM(std::move(model)) {}
  void require_class(const std::string& class_name) const;
};

/// The class whatever it is; its config is untyped.
template <>
class PreTrainedCausalLM<AnyCausalLM> : public CausalLM {
 public:
  static PreTrainedCausalLM from_pretrained(const std::string& source, const LoadOptions& options = {}) {
    return PreTrainedCausalLM(CausalLM::from_pretrained(source, options));
  }
  const ConfigReader& config() const { return config_json(); }

 private:
  explicit PreTrainedCausalLM(CausalLM&& model) : CausalLM(std::move(model)) {}
};

/// The check behind PreTrainedCausalLM<Model>::from_pretrained.
void require_model_class(const Checkpoint& checkpoint, const std::string& class_name);

template <typename Model>
void PreTrainedCausalLM<Model>::require_class(const std::string& class_name) const {
  require_model_class(checkpoint(), class_name);
}

}  // namespace mhub
